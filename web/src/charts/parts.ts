/** The only door to ECharts: its parts by name, nothing more than the screens draw. */
import { LineChart, ScatterChart } from 'echarts/charts'
import { GeoComponent, GridComponent } from 'echarts/components'
import { init, registerMap, use, type ComposeOption, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { LineSeriesOption, ScatterSeriesOption } from 'echarts/charts'
import type { GeoComponentOption, GridComponentOption } from 'echarts/components'

use([LineChart, ScatterChart, GridComponent, GeoComponent, CanvasRenderer])

export { init, registerMap, type EChartsType }
export type Series = LineSeriesOption | ScatterSeriesOption
export type Option = ComposeOption<LineSeriesOption | ScatterSeriesOption | GridComponentOption | GeoComponentOption>

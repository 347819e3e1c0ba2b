/** The only door to ECharts: its parts by name, nothing more than the screens draw. */
import { LineChart, ScatterChart } from 'echarts/charts'
import { GeoComponent, GridComponent } from 'echarts/components'
import { init, registerMap, use, type ComposeOption, type ECElementEvent, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import type { BarSeriesOption, LineSeriesOption, LinesSeriesOption, ScatterSeriesOption } from 'echarts/charts'
import type { GeoComponentOption, GridComponentOption } from 'echarts/components'

use([LineChart, ScatterChart, GridComponent, GeoComponent, CanvasRenderer])

export { init, registerMap, type ECElementEvent, type EChartsType, type GeoComponentOption }
export type Series = BarSeriesOption | LineSeriesOption | ScatterSeriesOption | LinesSeriesOption
export type Option = ComposeOption<BarSeriesOption | LineSeriesOption | ScatterSeriesOption | LinesSeriesOption | GridComponentOption | GeoComponentOption>

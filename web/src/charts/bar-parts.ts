/** Bars: only where a desk draws them, so that no screen without them fetches their part of ECharts. */
import { BarChart } from 'echarts/charts'
import { use } from 'echarts/core'

use([BarChart])

/** Lines on a map: only where a network is drawn, so that no screen without one fetches it. */
import { LinesChart } from 'echarts/charts'
import { use } from 'echarts/core'

use([LinesChart])

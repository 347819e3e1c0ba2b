import type { DomainCode } from '@yiping/contract/screen'
import { passageTable, pumpTable, rainTable } from './drainage.ts'
import { imbalanceTable, pressureTable, voidTable } from './gas.ts'
import { coldTable, roomTable, sourceTable } from './heating.ts'
import type { Scene, Table } from './table.ts'
import { lowPressureTable, nightTable, qualityTable } from './water.ts'

/** One panel of a scene: rows, or a chart by its name. `code` is its name in the address and in the messages. */
export type Panel = { code: string; table: (scene: Scene) => Table } | { code: string; chart: 'curve' | 'hydrograph' }

/** What each utility's operator looks at beside map and day, the first things first. */
export const panelsOf: Record<DomainCode, readonly Panel[]> = {
  water: [
    { code: 'quality', table: qualityTable },
    { code: 'night', table: nightTable },
    { code: 'low', table: lowPressureTable },
  ],
  gas: [
    { code: 'voids', table: voidTable },
    { code: 'pressure', table: pressureTable },
    { code: 'imbalance', table: imbalanceTable },
  ],
  heating: [
    { code: 'sources', table: sourceTable },
    { code: 'curve', chart: 'curve' },
    { code: 'cold', table: coldTable },
    { code: 'rooms', table: roomTable },
  ],
  drainage: [
    { code: 'rain', table: rainTable },
    { code: 'passage', table: passageTable },
    { code: 'pumps', table: pumpTable },
    { code: 'hydrograph', chart: 'hydrograph' },
  ],
}

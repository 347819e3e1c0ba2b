import type { DistrictCell } from '@yiping/contract/screen'

export interface DistrictRank {
  adcode: string
  cell: DistrictCell
  online: number
  /** Stations that ought to report: those in maintenance are not counted. */
  total: number
}

/** By online share, worst first; districts without a station at the end. */
export function rankDistricts(cells: readonly (readonly [string, DistrictCell])[]): DistrictRank[] {
  const ranks = cells.map(([adcode, cell]) => {
    const { online, late, offline } = cell.stations
    return { adcode, cell, online, total: online + late + offline }
  })
  const share = (r: DistrictRank): number => (r.total > 0 ? r.online / r.total : Infinity)
  return ranks.sort((a, b) => share(a) - share(b) || b.total - a.total || a.adcode.localeCompare(b.adcode))
}

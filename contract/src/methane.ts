/** The lower explosive limit of methane is 5 %VOL: so many %LEL are one %VOL. */
export const lelPerVolume = 20
/** Methane that asks for a verdict, %LEL, and ethane that makes it natural gas, ppm: the figures of the rules `gs.ch4_lel.high` and `gs.c2h6.present`. */
export const verdictFromLel = 5
export const naturalGasFromPpm = 5

/**
 * What the gas in a void is. `none`: too little to say. `undetermined`: no ethane that was measured while the methane was there.
 * `invalid`: the probe is under water, or its value is bad.
 */
export const gasVerdicts = ['natural_gas', 'biogas', 'undetermined', 'none', 'invalid'] as const
export type GasVerdict = (typeof gasVerdicts)[number]

/** `methane` in %LEL, `ethane` in ppm; null when the value is not fresh. */
export interface GasReadings {
  methane: number | null
  ethane: number | null
  /** The device says that its probe cannot measure. */
  bad: boolean
  /** The ethane was measured since the methane has been there: one of before says nothing of it. */
  during: boolean
}

/**
 * Natural gas carries ethane, sewer gas none: the same test as the combination `gs.natural_gas`. Ethane that is found counts
 * whenever it was measured; that there is none counts only of the same time, for a leak called sewer gas is the worse mistake.
 */
export function gasVerdict({ methane, ethane, bad, during }: GasReadings): GasVerdict {
  if (bad) return 'invalid'
  if (methane === null) return 'undetermined'
  if (methane < verdictFromLel) return 'none'
  if (ethane !== null && ethane >= naturalGasFromPpm) return 'natural_gas'
  return ethane === null || !during ? 'undetermined' : 'biogas'
}

import { join } from 'node:path'
import { readColumns } from './csv.ts'
import { offItsStart } from './unknown-series.ts'

export interface SkabResult {
  f1: number
  falseAlarmRate: number
  missedRate: number
  experiments: number
  rows: number
}
const training = 400
const signals = ['acc1_rms_g', 'acc2_rms_g', 'current_a', 'pressure_bar', 'temperature_c', 'thermocouple_c', 'voltage_v', 'flow_lpm']

/** Outlier scores of the labelled runs, by the published protocol: every row after the first 400 of each run. */
export function runSkab(folder: string): SkabResult {
  const columns = readColumns(join(folder, 'skab_labelled_dev.csv'))
  const experiments = columns.get('experiment') ?? []
  const anomaly = (columns.get('anomaly') ?? []).map((a) => Number(a) === 1)
  const data = signals.map((s) => (columns.get(s) ?? []).map(Number))
  let [tp, fp, fn, tn] = [0, 0, 0, 0]
  const names = [...new Set(experiments)]
  for (const name of names) {
    const from = experiments.indexOf(name)
    const to = experiments.lastIndexOf(name) + 1
    const off = offItsStart(
      data.map((d) => d.slice(from, to)),
      training,
    )
    for (let i = training; i < to - from; i += 1) {
      const [said, is] = [off[i] ?? false, anomaly[from + i] ?? false]
      if (said && is) tp += 1
      else if (said) fp += 1
      else if (is) fn += 1
      else tn += 1
    }
  }
  return { f1: (2 * tp) / (2 * tp + fp + fn), falseAlarmRate: fp / (fp + tn), missedRate: fn / (fn + tp), experiments: names.length, rows: tp + fp + fn + tn }
}

import type { NetworkAnswer, PipeCell } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { themes } from '../../theme/tokens.ts'
import { networkView, pipeModeOf } from './network.ts'

const pipe = (code: string, diameterMm: number | null): NetworkAnswer['features'][number] => ({
  type: 'Feature',
  properties: {
    ...{ code, from: 'A', to: 'B', lengthM: 100, diameterMm, source: 'C-Town', simulated: true },
    ...{ pressure: null, interpolatedFrom: 0, asOf: null, flow: null },
  },
  geometry: { type: 'LineString', coordinates: [] },
})
const pipes = [pipe('P1', 500), pipe('P2', 250), pipe('P3', null)]
const cells = new Map<string, PipeCell>([
  ['P1', { pressure: 0.21, from: 3, asOf: 0, flow: { value: 4200, station: 'WS-W-0001', observedAt: 0 } }],
  ['P2', { pressure: 0.38, from: 2, asOf: 0, flow: null }],
])

describe('the network', () => {
  it('colours pipes by class, mains wider, and those without a value as thin as can be', () => {
    const view = networkView(pipes, cells, 'pressure', themes.calm, themes.calm.hue.water, 1)
    const [a, b, c] = view.lines
    expect(view).toMatchObject({ said: 2, total: 3, simulated: true, source: 'C-Town' })
    expect(view.classes?.limits).toEqual([0.2, 0.25, 0.3, 0.35, 0.4])
    expect([a?.colour, b?.colour, c?.colour]).toEqual([view.colours[0], view.colours[3], themes.calm.landLine])
    expect([(a?.width ?? 0) > (b?.width ?? 0), (b?.width ?? 0) > (c?.width ?? 0)]).toEqual([true, true])
  })
  it('knows a flow where a meter stands and nowhere else', () => {
    const view = networkView(pipes, cells, 'flow', themes.calm, themes.calm.hue.water, 1)
    expect([view.said, view.lines.filter((l) => l.colour !== themes.calm.landLine).map((l) => l.code)]).toEqual([1, ['P1']])
  })
  it('is not drawn for a word that names no way to colour it', () => {
    expect([pipeModeOf('pressure'), pipeModeOf('age'), pipeModeOf(undefined)]).toEqual(['pressure', null, null])
  })
})

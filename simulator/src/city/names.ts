import type { Stream } from '../random/stream.ts'
import type { Place } from './places.ts'
import type { KindPlan } from './plan.ts'

/** Gives the stations of one kind in one district names that read like a registry's, each once. */
export function placeNamer(stream: Stream, district: string, place: Place, plan: KindPlan): () => string {
  const count = new Map<string, number>()
  const numbered = (where: string): string => {
    const n = (count.get(where) ?? 0) + stream.whole(1, 4)
    count.set(where, n)
    return `${where} ${n}#`
  }
  const works = [...place.works]
  return () => {
    switch (plan.place) {
      case 'works':
        return `${district} ${works.shift() ?? stream.pick(place.roads)}${plan.noun}`
      case 'river':
        return `${district} ${numbered(stream.pick(place.rivers))} ${plan.noun}`
      case 'estate':
        if (plan.kind !== 'ht_room') return `${district} ${numbered(stream.pick(place.estates))} ${plan.noun}`
        for (;;) {
          const home = `${stream.pick(place.estates)} ${stream.whole(1, 18)}号楼 ${stream.whole(1, 3)}单元`
          if (count.has(home)) continue
          count.set(home, 1)
          return `${district} ${home} ${plan.noun}`
        }
      case 'crossing':
        for (let tries = 0; ; tries++) {
          const [a, b] = [stream.pick(place.roads), stream.pick(place.roads)]
          if (a === b) continue
          const crossing = tries < 50 ? `${a}—${b}` : `${a}—${b} 辅路`
          if (count.has(crossing) || count.has(`${b}—${a}`)) continue
          count.set(crossing, 1)
          return `${district} ${crossing} ${plan.noun}`
        }
      case 'road':
        return `${district} ${numbered(stream.pick(place.roads))} ${plan.noun}`
    }
  }
}

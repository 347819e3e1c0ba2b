import { alarmGroups, lastSpoken, merge, normalGroups, speak, spoken, type Group, type Sample } from '../device/emission.ts'
import { restartMs, ringMs } from '../device/outage.ts'
import { nextAfter } from '../device/schedule.ts'
import type { World } from '../world.ts'
import type { Link } from './link.ts'
import { gatewayMessages, stationMessages, type Message, type Spoken } from './message.ts'

/**
 * The running city. A device is in one of three states:
 *
 * | state     | what it does                                   | leaves it when                                 |
 * |-----------|------------------------------------------------|------------------------------------------------|
 * | linked    | sends every report when it is due              | outage of its link, or the broker takes nothing |
 * | cut       | keeps what it measures (a ring of 24 h)        | the link is back                               |
 * | in arrears| waits for its turn to send what it has kept    | all of it is sent                              |
 *
 * All begin in arrears, with the last minutes.
 *
 * What a ring holds is a function of time, so it costs no memory: it is measured again when it is sent.
 */
export interface Live {
  /** Brings the city up to `now`. Never asks for anything later. */
  tick(now: number): void
  stats(): { readings: number; backfilled: number; lost: number; inArrears: number }
}

interface Device {
  site: World['sites'][number]
  groups: readonly Group[]
  next: Float64Array
  /** Kept back since then (exclusive); null: linked. */
  heldSince: number | null
  /** The link's outage ends then. */
  cutUntil: number
  /** Has not spoken yet: its first message also carries the last report of its slow points. */
  silent: boolean
}

export function createLive(world: World, link: Link, from: number): Live {
  const devices = world.sites.map((site): Device => {
    const groups = [...normalGroups(site), ...alarmGroups(site)]
    return { site, groups, next: Float64Array.from(groups, (g) => nextAfter(g.grid, from)), heldSince: from - restartMs, cutUntil: 0, silent: true }
  })
  let readings = 0
  let backfilled = 0
  let lost = 0
  // A link that came back while nobody ran the city, or that is down now: its ring goes back to where the outage began.
  for (const d of devices) {
    const outage = world.outages.at(d.site.station, from) ?? world.outages.at(d.site.station, from - restartMs)
    if (outage) hold(d, outage.start - 1, outage.end)
  }

  function hold(d: Device, since: number, until: number): void {
    d.heldSince = d.heldSince === null ? since : Math.min(d.heldSince, since)
    d.cutUntil = Math.max(d.cutUntil, until)
  }
  const count = (samples: readonly Sample[]): number => samples.reduce((n, s) => n + s.values.length, 0)
  const sendAll = (messages: readonly Message[]): boolean => messages.every((m) => link.send(m))

  /** What a device says now; nothing while its link is down. */
  function due(d: Device, now: number): Sample[] {
    const samples: Sample[] = []
    d.groups.forEach((group, i) => {
      for (let t = d.next[i] ?? Number.POSITIVE_INFINITY; t <= now; t += group.grid.intervalMs) {
        d.next[i] = t + group.grid.intervalMs
        const outage = world.outages.at(d.site.station, t)
        if (outage) hold(d, outage.start - 1, outage.end)
        if (d.heldSince !== null) continue
        const sample = speak(group, t)
        if (sample) samples.push(sample)
      }
    })
    return merge(samples)
  }

  function deliver(said: readonly { device: Device; samples: Sample[] }[]): void {
    const gateways = new Map<string, (Spoken & { device: Device })[]>()
    const refused = (device: Device, samples: readonly Sample[]): void => hold(device, (samples[0]?.ts ?? 0) - 1, 0)
    for (const { device, samples } of said) {
      const { station } = device.site
      if (station.gateway !== null) {
        const members = gateways.get(station.gateway)
        if (members) members.push({ device, station, samples })
        else gateways.set(station.gateway, [{ device, station, samples }])
      } else if (sendAll(stationMessages({ station, samples }))) readings += count(samples)
      else refused(device, samples)
    }
    for (const members of gateways.values()) {
      if (sendAll(gatewayMessages(members))) for (const m of members) readings += count(m.samples)
      else for (const m of members) refused(m.device, m.samples)
    }
  }

  /** Devices whose link is back send what they kept, some in every tick, the oldest first. */
  function payArrears(now: number): void {
    for (const d of devices) {
      if (link.room() < 100) return
      if (d.heldSince === null || now < d.cutUntil) continue
      const since = Math.max(d.heldSince, now - ringMs)
      if (since > d.heldSince)
        lost += count(
          spoken(
            d.groups.filter((g) => !g.alarm),
            d.heldSince,
            since,
          ),
        )
      const samples = merge([...(d.silent ? lastSpoken(d.groups, since) : []), ...spoken(d.groups, since, now)])
      const spokenFor: Spoken = { station: d.site.station, samples }
      if (!sendAll(d.site.station.gateway === null ? stationMessages(spokenFor) : gatewayMessages([spokenFor]))) return
      d.heldSince = null
      d.silent = false
      backfilled += count(samples)
      readings += count(samples)
    }
  }

  return {
    tick: (now) => {
      const said: { device: Device; samples: Sample[] }[] = []
      for (const d of devices) {
        const samples = due(d, now)
        if (samples.length > 0) said.push({ device: d, samples })
      }
      deliver(said)
      payArrears(now)
    },
    stats: () => ({ readings, backfilled, lost, inArrears: devices.filter((d) => d.heldSince !== null).length }),
  }
}

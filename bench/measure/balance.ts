import { setTimeout as delay } from 'node:timers/promises'
import { BalanceAnswer } from '@yiping/contract'
import { Parse } from 'typebox/value'
import { fetch } from '../../server/test/signed-in.ts'

export interface BalanceVerdict {
  closes: boolean
  minutes: number
  /** Minutes and sources that do not close. */
  open: string[]
  received: number
  stored: number
  duplicate: number
  conflict: number
  rejected: number
  waiting: number
}

/** What arrived in the last minutes has had time to be committed by then. */
const settleMs = 15_000
const minuteMs = 60_000
/** Few enough minutes that one answer holds every source of them. */
const stepMs = 6 * 60 * minuteMs

/** The account of all settled minutes since `from`. */
export async function balanceOf(address: string, from: number): Promise<BalanceVerdict> {
  await delay(settleMs)
  const to = Math.floor((Date.now() - settleMs) / minuteMs) * minuteMs
  const verdict: BalanceVerdict = { closes: true, minutes: 0, open: [], received: 0, stored: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }
  const minutes = new Set<string>()
  for (let at = Math.floor(from / minuteMs) * minuteMs; at < to; at += stepMs) {
    const answer = await fetch(`${address}/api/v1/ingest/balance?from=${at}&to=${Math.min(to, at + stepMs)}&limit=10000`)
    if (!answer.ok) throw new Error(`/api/v1/ingest/balance answered ${answer.status}`)
    for (const item of Parse(BalanceAnswer, await answer.json()).items) {
      minutes.add(item.minute)
      verdict.received += item.received
      verdict.stored += item.stored
      verdict.duplicate += item.duplicate
      verdict.conflict += item.conflict
      verdict.rejected += item.rejected
      verdict.waiting += item.waiting
      if (!item.closes) verdict.open.push(`${item.minute} ${item.source}`)
    }
  }
  return { ...verdict, minutes: minutes.size, closes: verdict.open.length === 0 }
}

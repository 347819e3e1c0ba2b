import { OverviewAnswer } from '@yiping/contract'
import { Parse } from 'typebox/value'
import { fetch } from '../../server/test/signed-in.ts'

/** The server's own 95th percentile of (leaves the server − observed), last minute; null without live values. */
export async function delayP95(address: string): Promise<number | null> {
  return (await overview(address)).truth.delayP95Ms
}

export async function overview(address: string): Promise<OverviewAnswer> {
  const answer = await fetch(`${address}/api/v1/overview`)
  if (!answer.ok) throw new Error(`/api/v1/overview answered ${answer.status}`)
  return Parse(OverviewAnswer, await answer.json())
}

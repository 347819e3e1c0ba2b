import { describe, expect, it } from 'vitest'
import { withoutPersonal } from '../src/access/personal.ts'

describe('a text without what it says of persons', () => {
  it.each([
    ['联系人：王小明 13812345678，阀门已关', '联系人：王** 138****5678，阀门已关'],
    ['报修人李四，电话 138-1234-5678', '报修人李*，电话 138****5678'],
    ['call +86 138 1234 5678', 'call 861****5678'],
    ['0371-66668888 转 8', '037****8888 转 8'],
    ['来电人 欧阳建国: 037166668888', '来电人 欧***: 037****8888'],
    ['reporter: Zhang San, zhang.san@example.cn', 'reporter: Z…, z…@example.cn'],
    ['Contact: Li at the gate', 'Contact: L… at the gate'],
  ])('%s', (text, wanted) => expect(withoutPersonal(text)).toBe(wanted))

  it.each(['WO-20261130-0007', '压力 0.352 MPa, 流量 418.2 m³/h', '井盖 410105001234 已检查', '2026-11-30 10:15:00', 'contact was lost', '12345678901234'])(
    'leaves %s alone',
    (text) => expect(withoutPersonal(text)).toBe(text),
  )
})

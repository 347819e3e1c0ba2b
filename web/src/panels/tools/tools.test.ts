import { describe, expect, it } from 'vitest'
import type { Station } from '../../feed/registry.ts'
import en from '../../i18n/en.ts'
import zh from '../../i18n/zh-CN.ts'
import { find, findable } from './find.ts'
import { fileName, panelOf, titleOf } from './picture.ts'
import { shortcuts } from './shortcuts.ts'

const station = (code: string, name: string, district = '410105', kind = 'ws_pressure'): Station => ({
  code,
  name,
  kind,
  district,
  domain: 'water',
  lon: 0,
  lat: 0,
})
const all = findable(
  [
    station('WS-P-0002', '金水区 文化路 2# 测压点'),
    station('WS-P-0010', '二七区 大学路 10# 测压点', '410103'),
    station('GS-0002', '金水区 文化路 阀井', '410105', 'gs_void'),
  ],
  (a) => ({ '410105': { zh: '金水区', en: 'Jinshui' }, '410103': { zh: '二七区', en: 'Erqi' } })[a],
  (k) => ({ ws_pressure: { zh: '管网测压点', en: 'Network pressure point' }, gs_void: { zh: '阀井', en: 'Valve chamber' } })[k],
)
const codes = (query: string): string[] => find(all, query).found.map((s) => s.code)

describe('finding a station', () => {
  it('takes every word, of name, code, district or kind, in either language', () => {
    expect(codes('文化路')).toEqual(['GS-0002', 'WS-P-0002'])
    expect(codes('文化路 测压')).toEqual(['WS-P-0002'])
    expect(codes('jinshui valve')).toEqual(['GS-0002'])
    expect(codes('erqi')).toEqual(['WS-P-0010'])
    expect(codes('长江')).toEqual([])
    expect(codes('  ')).toEqual([])
  })
  it('puts the code that was written first', () => {
    expect(codes('ws-p-0010')[0]).toBe('WS-P-0010')
    expect(codes('ws-p')[0]).toBe('WS-P-0002')
  })
  it('says how many there are beyond those shown', () => {
    expect(find(all, '#', 1)).toMatchObject({ total: 2, found: [{ code: 'WS-P-0002' }] })
  })
})

describe('the picture of a panel', () => {
  it('is of the smallest part with a name of its own, and is called after it', () => {
    document.body.innerHTML =
      '<main><section aria-label="地图"><h2>管网压力 MPa<small>今日均值</small></h2><div class="chart"><i id="x"></i></div></section></main><p id="y"></p>'
    const panel = panelOf(document.querySelector('#x'))
    expect(panel?.getAttribute('aria-label')).toBe('地图')
    expect(panel && titleOf(panel)).toBe('管网压力 MPa')
    expect(panelOf(document.querySelector('#y'))).toBeNull()
    expect(fileName('管网压力 MPa / 日', '2026-11-25T08:42:16+08:00')).toBe('管网压力-MPa-日-2026-11-25-084216.png')
  })
})

describe('the keys', () => {
  it('are all told of in both languages', () => {
    for (const { what, where } of shortcuts)
      for (const words of [zh, en]) {
        expect((words.keys.what as Record<string, string>)[what], what).toBeTruthy()
        expect((words.keys.where as Record<string, string>)[where]).toBeTruthy()
      }
  })
})

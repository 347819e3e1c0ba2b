/** The map of a desk by itself, with the stations of /city.json; `?plain` draws every one of them. */
import { computed, createApp, h, shallowRef } from 'vue'
import { registryKey, stationsOf } from '../../../web/src/feed/registry.ts'
import { createMessages } from '../../../web/src/i18n/index.ts'
import CityMap from '../../../web/src/panels/CityMap.vue'
import { themeKey } from '../../../web/src/theme/theme.ts'
import { themes } from '../../../web/src/theme/tokens.ts'

const { registry, districts, states, severities } = await (await fetch('./city.json')).json()
const stations = stationsOf(registry)
const dots = stations.map((s, i) => ({ code: s.code, lon: s.lon, lat: s.lat, state: states[i], severity: severities[i] }))
const known = {
  ...{ zone: 'Asia/Shanghai', stations, districts, failed: false, loaded: true },
  byCode: new Map(stations.map((s) => [s.code, s])),
  districtName: new Map(districts.features.map((f) => [f.properties.adcode, f.properties.name])),
}
const plain = new URLSearchParams(location.search).has('plain')
const margin = { left: 24, right: 24, top: 30, bottom: 40 }
createApp({ render: () => h(CityMap, { dots, notes: [], text: 12.5, dot: 4.4, mark: 14, margin, roam: true, plain }) })
  .use(createMessages('zh-CN'))
  .provide(themeKey, shallowRef(themes.calm))
  .provide(
    registryKey,
    computed(() => known),
  )
  .mount('#app')

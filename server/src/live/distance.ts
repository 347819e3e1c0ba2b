interface Placed {
  lon: number | null
  lat: number | null
}
const meanEarthM = 6_371_008.8
const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** On a great circle of the mean Earth; null when one of them has no position. */
export function metresBetween(a: Placed, b: Placed): number | null {
  if (a.lon === null || a.lat === null || b.lon === null || b.lat === null) return null
  const h = Math.sin(radians(b.lat - a.lat) / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(radians(b.lon - a.lon) / 2) ** 2
  return 2 * meanEarthM * Math.asin(Math.min(1, Math.sqrt(h)))
}

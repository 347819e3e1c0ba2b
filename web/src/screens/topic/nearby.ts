/** What counts as near a station. */
export const nearbyMetres = 500

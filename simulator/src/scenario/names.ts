export const scenarioNames = ['burst', 'gas-leak', 'storm', 'heat-outage'] as const
export type ScenarioName = (typeof scenarioNames)[number]
export const isScenarioName = (text: string): text is ScenarioName => (scenarioNames as readonly string[]).includes(text)

import { readFileSync } from 'node:fs'
import { CountType, DemandModel, InitHydOption, NodeProperty, NodeType, Option, Project, Workspace } from 'epanet-js'

/**
 * Steady hydraulics of the C-Town network (see `networks/README.md`) by EPANET 2.2. Tanks hold their level, so the
 * pressures are a function of two things: how strong demand is, and where water leaks. Both are solved on a grid of
 * demand once, then read by interpolation at any moment, which keeps the city a function of time. The engine is loaded
 * for that and let go: it holds more memory than all its answers.
 */
export interface Node {
  id: string
  x: number
  y: number
  elevation: number
}
export interface PressureTable {
  /** Pressure at a node, m of water, with demand as a multiple of its mean. */
  at(node: number, demand: number): number
}
export interface Network {
  nodes: readonly Node[]
  /** Nothing leaks. */
  calm: PressureTable
  /** For each of the nodes: the network with an orifice of `coefficient` L/s per √m at it. */
  leaking(nodes: readonly number[], coefficient: number): Promise<PressureTable[]>
}

export const networkFile = new URL('../../networks/c-town.inp', import.meta.url)
const firstDemand = 0.3
const lastDemand = 2
const demandStep = 0.1
const rows = Math.round((lastDemand - firstDemand) / demandStep) + 1

interface Engine {
  nodes: Node[]
  solve(): PressureTable
  /** Sets the orifice at a node; 0 closes it. */
  orifice(node: number, coefficient: number): void
  close(): void
}

async function openEngine(): Promise<Engine> {
  const workspace = new Workspace()
  await workspace.loadModule()
  const model = new Project(workspace)
  workspace.writeFile('network.inp', readFileSync(networkFile))
  model.open('network.inp', 'report.txt', 'out.bin')
  // People get less where pressure is poor (below 15 m), instead of pulling the main under vacuum.
  model.setDemandModel(DemandModel.PDA, 0, 15, 0.5)
  model.openH()
  const junctions: number[] = []
  const nodes: Node[] = []
  for (let i = 1; i <= model.getCount(CountType.NodeCount); i++) {
    if (model.getNodeType(i) !== NodeType.Junction) continue
    const { x, y } = model.getCoordinates(i)
    junctions.push(i)
    nodes.push({ id: model.getNodeId(i), x, y, elevation: model.getNodeValue(i, NodeProperty.Elevation) })
  }
  return {
    nodes,
    solve: () => {
      const table = new Float32Array(rows * nodes.length)
      for (let r = 0; r < rows; r++) {
        model.setOption(Option.DemandMult, firstDemand + r * demandStep)
        model.initH(InitHydOption.InitFlow)
        model.runH()
        junctions.forEach((junction, n) => {
          table[r * nodes.length + n] = model.getNodeValue(junction, NodeProperty.Pressure)
        })
      }
      return tableOf(table, nodes.length)
    },
    orifice: (node, coefficient) => model.setNodeValue(junctions[node] ?? 0, NodeProperty.Emitter, coefficient),
    close: () => {
      model.closeH()
      model.close()
    },
  }
}

const tableOf = (table: Float32Array, width: number): PressureTable => ({
  at: (node, demand) => {
    const x = Math.min(Math.max((demand - firstDemand) / demandStep, 0), rows - 1.000001)
    const r = Math.floor(x)
    const a = table[r * width + node] ?? 0
    const b = table[(r + 1) * width + node] ?? 0
    return a + (b - a) * (x - r)
  },
})

export async function loadNetwork(): Promise<Network> {
  const engine = await openEngine()
  const { nodes } = engine
  const calm = engine.solve()
  engine.close()
  return {
    nodes,
    calm,
    leaking: async (where, coefficient) => {
      const again = await openEngine()
      const tables = where.map((node) => {
        again.orifice(node, coefficient)
        const table = again.solve()
        again.orifice(node, 0)
        return table
      })
      again.close()
      return tables
    },
  }
}

import dagre from '@dagrejs/dagre'
import { useElementSize } from '@mantine/hooks'
import { Handle, Position, ReactFlow, type Edge, type Node, type NodeProps } from '@xyflow/react'
import '@xyflow/react/dist/style.css'
import { useMemo, type ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'
import { stateWord, Status } from '../../ui/status.tsx'

/** A node of the graph; `state` empty: none to show. */
export type GraphStep = {
  readonly id: string
  readonly name: string
  readonly needs: readonly string[]
  readonly state: string
  readonly note: string
  readonly time: string
}
type StepData = { step: GraphStep; label: string }

const WIDTH = 156
const HEIGHT = 52

/** Steps from left to right by dagre; a click or Enter selects. Nodes are in topological order for the keyboard. */
export default function StepGraph({
  steps,
  selected,
  onSelect,
}: {
  steps: readonly GraphStep[]
  selected: string | null
  onSelect: (id: string) => void
}): ReactNode {
  const t = useT()
  const { ref, width } = useElementSize<HTMLDivElement>()
  const { nodes, edges, height, graphWidth } = useMemo(() => {
    const graph = new dagre.graphlib.Graph()
      .setGraph({ rankdir: 'LR', nodesep: 24, ranksep: 36, marginx: 2, marginy: 4 })
      .setDefaultEdgeLabel(() => ({}))
    for (const step of steps) graph.setNode(step.id, { width: WIDTH, height: HEIGHT })
    const known = new Set(steps.map((step) => step.id))
    const links = reduced(
      steps.flatMap((step) => step.needs.filter((need) => known.has(need)).map((need) => [need, step.id] as const)),
    )
    for (const [from, to] of links) graph.setEdge(from, to)
    dagre.layout(graph)
    const order = dagre.graphlib.alg.isAcyclic(graph) ? dagre.graphlib.alg.topsort(graph) : steps.map((step) => step.id)
    return {
      height: Math.max(HEIGHT + 8, graph.graph().height ?? 0),
      graphWidth: graph.graph().width ?? WIDTH,
      nodes: order.map((id): Node<StepData> => {
        const step = steps.find((it) => it.id === id)!
        const at = graph.node(id)
        return {
          id,
          type: 'step',
          position: { x: at.x - WIDTH / 2, y: at.y - HEIGHT / 2 },
          data: {
            step,
            label: t('run.select_step', { step: step.name, state: step.state === '' ? '' : stateWord(t, step.state) }),
          },
          className: [
            'k',
            step.state === 'cached' ? 'cached' : '',
            step.state === 'failed' ? 'bad' : '',
            id === selected ? 'sel' : '',
          ].join(' '),
          ariaLabel: t('run.select_step', {
            step: step.name,
            state: step.state === '' ? '' : stateWord(t, step.state),
          }),
          selected: id === selected,
          draggable: false,
          connectable: false,
        }
      }),
      edges: links.map(([from, to]): Edge => ({ id: `${from} ${to}`, source: from, target: to, focusable: false })),
    }
  }, [steps, selected, t])
  const zoom = Math.min(1, Math.max(0.5, width / (graphWidth + 8)))
  return (
    <div className="flow" ref={ref} style={{ height: Math.min(360, height * zoom + 16) }}>
      {width > 0 && (
        <ReactFlow
          key={`${steps.map((step) => step.id).join(' ')} ${width}`}
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          defaultViewport={{ x: 0, y: 4, zoom }}
          minZoom={0.2}
          maxZoom={1.5}
          nodesFocusable
          zoomOnScroll={false}
          preventScrolling={false}
          panOnScroll={false}
          elementsSelectable
          onNodeClick={(_, node) => onSelect(node.id)}
          onNodesChange={(changes) => {
            for (const change of changes) if (change.type === 'select' && change.selected) onSelect(change.id)
          }}
          proOptions={{ hideAttribution: true }}
        />
      )}
    </div>
  )
}

/** Without the links that a longer way already says: a ← b ← c needs no line from c to a. */
function reduced(links: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  const next = new Map<string, string[]>()
  for (const [from, to] of links) next.set(from, [...(next.get(from) ?? []), to])
  const reaches = (from: string, to: string): boolean =>
    (next.get(from) ?? []).some((step) => step === to || reaches(step, to))
  return links.filter(([from, to]) => !(next.get(from) ?? []).some((step) => step !== to && reaches(step, to)))
}

const NODE_TYPES = { step: StepNode }

function StepNode({ data }: NodeProps<Node<StepData>>): ReactNode {
  const { step } = data
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span className="nh">
        {step.state !== '' && <Status state={step.state} bare />}
        <b>{step.name}</b>
        <span className="r">{step.time}</span>
      </span>
      <span className="m" title={step.note}>
        {step.note}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  )
}

import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { ApiError, type AnswerOf, type InputOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT, type Translate } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { Section, Segmented } from '../../ui/layout.tsx'
import { Failure, Nothing, Skeleton } from '../../ui/panel.tsx'
import { TableBox } from '../../ui/table-box.tsx'

export type NodeKind = InputOf<'getLineage'>['kind']
type Graph = AnswerOf<'getLineage'>
type Node = Graph['nodes'][number]

const WIDTH = 152
const HEIGHT = 40
const GAP_X = 28
const GAP_Y = 12

/** What an object came from and what came of it, left to right; the same as a table. */
export function LineageView({
  project,
  kind,
  id,
  compact = false,
}: {
  project: string
  kind: NodeKind
  id: string
  compact?: boolean
}): ReactNode {
  const t = useT()
  const [view, setView] = useState<'graph' | 'table'>('graph')
  const graph = useRead('getLineage', { project, kind, id })
  if (graph.error instanceof ApiError && graph.error.status === 404)
    return (
      <Section title={t('common.lineage')}>
        <Nothing>{t('lineage.none')}</Nothing>
      </Section>
    )
  if (graph.error !== null && graph.data === undefined)
    return <Failure error={graph.error} onRetry={() => void graph.refetch()} />
  if (graph.data === undefined)
    return (
      <section className="sec">
        <Skeleton rows={6} />
      </section>
    )
  const root = graph.data.nodes.find((node) => `${node.kind}:${node.id}` === graph.data.root)
  return (
    <Section
      title={compact ? t('common.lineage') : t('lineage.title', { name: root?.label ?? id })}
      note={`${t('lineage.note', { count: graph.data.nodes.length })}${graph.data.truncated ? ` · ${t('lineage.truncated')}` : ''}`}
      aside={
        <Segmented
          label={t('lineage.view')}
          value={view}
          onChange={setView}
          options={[
            ['graph', t('lineage.graph')],
            ['table', t('lineage.table')],
          ]}
        />
      }
    >
      {view === 'graph' ? (
        <Drawing project={project} graph={graph.data} />
      ) : (
        <Twin project={project} graph={graph.data} />
      )}
    </Section>
  )
}

/** Columns by distance from the asked object; edges as curves; each node a link. */
function Drawing({ project, graph }: { project: string; graph: Graph }): ReactNode {
  const t = useT()
  const columns = [...new Set(graph.nodes.map((node) => node.distance))].sort((a, b) => a - b)
  const places = new Map<string, { x: number; y: number }>()
  const tallest = Math.max(...columns.map((column) => graph.nodes.filter((node) => node.distance === column).length))
  for (const [index, column] of columns.entries()) {
    const nodes = graph.nodes.filter((node) => node.distance === column)
    const top = ((tallest - nodes.length) * (HEIGHT + GAP_Y)) / 2
    for (const [row, node] of nodes.entries())
      places.set(keyOf(node), { x: index * (WIDTH + GAP_X), y: top + row * (HEIGHT + GAP_Y) })
  }
  const width = columns.length * (WIDTH + GAP_X) - GAP_X
  const rootX = places.get(graph.root)?.x ?? 0
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // A long history scrolls; what was asked for is in sight.
    const element = box.current
    if (element !== null) element.scrollLeft = Math.max(0, rootX + WIDTH - element.clientWidth / 2)
  }, [rootX])
  const height = tallest * (HEIGHT + GAP_Y)
  return (
    <div ref={box} className="tbox lineage" tabIndex={0} role="region" aria-label={t('common.lineage')}>
      <div style={{ position: 'relative', width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {graph.edges.map((edge) => {
            const from = places.get(edge.from)
            const to = places.get(edge.to)
            if (from === undefined || to === undefined) return null
            const [left, right] = from.x <= to.x ? [from, to] : [to, from]
            const x1 = left.x + WIDTH
            const y1 = left.y + HEIGHT / 2
            const x2 = right.x
            const y2 = right.y + HEIGHT / 2
            return (
              <path
                key={`${edge.from} ${edge.relation} ${edge.to}`}
                className="ax no"
                d={
                  left.x === right.x
                    ? `M${left.x + 12} ${Math.min(y1, y2)}V${Math.max(y1, y2)}`
                    : `M${x1} ${y1}C${x1 + GAP_X / 2} ${y1} ${x2 - GAP_X / 2} ${y2} ${x2} ${y2}`
                }
              />
            )
          })}
        </svg>
        {graph.nodes.map((node) => {
          const at = places.get(keyOf(node))!
          const to = nodePath(project, node)
          const content = (
            <>
              <span className="m t12">{kindText(t, node.kind)}</span>
              <b title={node.label}>{node.label}</b>
            </>
          )
          const style = { left: at.x, top: at.y, width: WIDTH, height: HEIGHT }
          const className = keyOf(node) === graph.root ? 'lnode here' : 'lnode'
          return to === null ? (
            <span key={keyOf(node)} className={className} style={style}>
              {content}
            </span>
          ) : (
            <Link key={keyOf(node)} to={to} className={className} style={style}>
              {content}
            </Link>
          )
        })}
      </div>
    </div>
  )
}

function Twin({ project, graph }: { project: string; graph: Graph }): ReactNode {
  const t = useT()
  const format = useFormat()
  const labels = new Map(graph.nodes.map((node) => [keyOf(node), node.label]))
  return (
    <TableBox>
      <table className="compact">
        <thead>
          <tr>
            <th scope="col" className="num">
              {t('lineage.step')}
            </th>
            <th scope="col">{t('lineage.kind')}</th>
            <th scope="col">{t('lineage.object')}</th>
            <th scope="col">{t('lineage.relations')}</th>
          </tr>
        </thead>
        <tbody>
          {[...graph.nodes]
            .sort((a, b) => a.distance - b.distance)
            .map((node) => {
              const to = nodePath(project, node)
              return (
                <tr key={keyOf(node)} data-selected={keyOf(node) === graph.root || undefined}>
                  <td className="num">{format.delta(node.distance)}</td>
                  <td className="m">{kindText(t, node.kind)}</td>
                  <th scope="row">{to === null ? node.label : <Link to={to}>{node.label}</Link>}</th>
                  <td className="m">
                    {graph.edges
                      .filter((edge) => edge.to === keyOf(node))
                      .map((edge) => `${edge.relation.replaceAll('_', ' ')} ${labels.get(edge.from) ?? edge.from}`)
                      .join(', ')}
                  </td>
                </tr>
              )
            })}
        </tbody>
      </table>
    </TableBox>
  )
}

function keyOf(node: Node): string {
  return `${node.kind}:${node.id}`
}

function kindText(t: Translate, kind: NodeKind): string {
  return t(`lineage.kind_${kind}` as MessageKey) // one message for each member of the contract's enum
}

/** The page of a node; null for what has none of its own. */
function nodePath(project: string, node: Node): string | null {
  switch (node.kind) {
    case 'run':
      return pathTo(project, 'runs', node.id)
    case 'job':
      return pathTo(project, 'jobs', node.id)
    case 'environment':
      return pathTo(project, 'environments', node.id)
    case 'prediction':
      return pathTo(project, 'predictions', node.id)
    case 'dataset_version':
    case 'model_version':
    case 'pipeline_run':
    case 'endpoint': {
      // Labels say `flights v8`, `train #58`, `delay`.
      const found = /^(\S+) (?:v|#)?(\d+)$/.exec(node.label)
      if (node.kind === 'endpoint') return pathTo(project, 'endpoints', node.label)
      if (found === null) return `/go/${encodeURIComponent(node.id)}`
      if (node.kind === 'pipeline_run') return pathTo(project, 'pipelines', found[1]!, 'runs', node.id)
      return pathTo(project, node.kind === 'dataset_version' ? 'datasets' : 'models', found[1]!, 'versions', found[2]!)
    }
    default:
      return null
  }
}

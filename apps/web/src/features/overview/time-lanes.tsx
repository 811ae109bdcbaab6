import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import type { Project } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { ChartFrame } from '../../ui/charts/frame.tsx'
import { tickText } from '../../ui/charts/line-chart.tsx'
import { linear, textWidth, timeTicks, type Scale } from '../../ui/charts/scale.ts'
import { useNow } from '../../ui/time.tsx'
import { Section } from '../../ui/layout.tsx'

type Rollout = AnswerOf<'listRollouts'>['items'][number]
type Item = {
  readonly at: number
  readonly to?: number
  readonly text: string
  readonly tone: 'ok' | 'bad' | 'warn' | 'rest' | 'info'
  readonly share?: number
}
type Lane = { readonly id: string; readonly name: string; readonly items: readonly Item[] }

const LANE = 30
const LEFT = 104
const TONES = { ok: 'fok', bad: 'fb', warn: 'fw', rest: 'fr', info: 'fa' } as const

/** Data, runs, versions, traffic and alerts as lanes on one axis of real time: what followed what. */
export function TimeLanes({ project, clock }: { project: string; clock: Project['clock'] }): ReactNode {
  const t = useT()
  const format = useFormat()
  const datasets = useRead('listDatasets', { project })
  const busiest = [...(datasets.data?.datasets ?? [])].sort((a, b) => b.versions - a.versions)
  const lead = busiest.find((it) => it.contract !== null) ?? busiest[0]
  const commits = useRead(
    'listDatasetVersions',
    { project, dataset: lead?.name ?? '', limit: 200 },
    { enabled: lead !== undefined },
  )
  const runs = useRead('listPipelineRuns', { project, limit: 100 })
  const models = useRead('listModels', { project, limit: 1 })
  const model = models.data?.items[0]?.name
  const versions = useRead(
    'listModelVersions',
    { project, model: model ?? '', limit: 100 },
    { enabled: model !== undefined },
  )
  const endpoints = useRead('listEndpoints', { project })
  const endpoint = endpoints.data?.items[0]?.name
  const rollouts = useRead(
    'listRollouts',
    { project, endpoint: endpoint ?? '', limit: 100 },
    { enabled: endpoint !== undefined },
  )
  const alerts = useRead('listAlerts', { project, limit: 100 })
  const now = useNow(10_000)
  const lanes: Lane[] = [
    {
      id: 'data',
      name: t('overview.lane_data'),
      items: (commits.data?.versions ?? []).map((it) => ({
        at: it.createdAt,
        text: `${it.dataset} v${it.number}`,
        tone: it.state === 'blocked' ? 'bad' : it.state === 'quarantined' || it.state === 'warned' ? 'warn' : 'rest',
      })),
    },
    {
      id: 'runs',
      name: t('overview.lane_runs'),
      items: (runs.data?.runs ?? []).map((it) => ({
        at: it.startedAt ?? it.createdAt,
        to: it.endedAt ?? now,
        text: it.name,
        tone:
          it.state === 'failed' ? 'bad' : it.state === 'succeeded' ? 'ok' : it.state === 'cancelled' ? 'rest' : 'info',
      })),
    },
    {
      id: 'versions',
      name: t('overview.lane_versions'),
      items: (versions.data?.items ?? []).map((it) => ({
        at: it.createdAt,
        text: `v${it.number}`,
        tone:
          it.state === 'refused'
            ? 'bad'
            : it.state === 'rolled_back'
              ? 'warn'
              : it.state === 'awaiting_approval'
                ? 'info'
                : 'ok',
      })),
    },
    { id: 'traffic', name: t('overview.lane_traffic'), items: trafficOf(rollouts.data?.items ?? [], now) },
    // On a replay clock alerts open at replayed instants, which have no place among the real ones.
    ...(clock.mode === 'replay'
      ? []
      : [
          {
            id: 'alerts',
            name: t('overview.lane_alerts'),
            items: (alerts.data?.alerts ?? []).map((it) => ({
              at: it.openedAt,
              to: it.resolvedAt ?? now,
              text: `${it.metric} ${it.windowLabel}`,
              tone: it.severity === 'error' ? 'bad' : 'warn',
            })),
          } satisfies Lane,
        ]),
  ]
  const all = lanes.flatMap((lane) => lane.items)
  if (all.length === 0) return null
  const from = Math.min(...all.map((item) => item.at))
  const to = Math.max(now, from + 60_000)
  const sentence = t('overview.time_sentence', { from: format.time(from), to: format.time(to) })
  const height = 14 + lanes.length * LANE + 24
  const table = {
    head: [t('overview.time'), ...lanes.map((lane) => lane.name)],
    rows: lanes
      .flatMap((lane) =>
        lane.items.map((item) => [
          format.time(item.at),
          ...lanes.map((other) => (other.id === lane.id ? item.text : '')),
        ]),
      )
      .slice(0, 200),
  }
  const draw = (width: number) => {
    const x = linear([from, to], [LEFT + 4, width - 32])
    return (
      <g>
        {timeTicks([from, to], Math.max(3, Math.floor((width - LEFT) / 130)))
          .filter((tick) => x(tick.at) < width - 90)
          .map((tick) => (
            <g key={tick.at}>
              <path className="gl" d={`M${x(tick.at)} 8V${14 + lanes.length * LANE}`} />
              <text x={x(tick.at)} y={height - 6} textAnchor="middle">
                {tickText(tick, format)}
              </text>
            </g>
          ))}
        {lanes.map((lane, index) => (
          <LaneMarks key={lane.id} lane={lane} y={14 + index * LANE} x={x} width={width} />
        ))}
        <path className="ct" d={`M${x(to)} 8V${14 + lanes.length * LANE}`} />
        <text x={x(to)} y={height - 6} textAnchor="middle" className="sb">
          {t('overview.now')}
        </text>
      </g>
    )
  }
  return (
    <Section title={t('overview.time')} note={`${format.time(from)} – ${format.time(to)}`}>
      <ChartFrame sentence={sentence} height={height} table={table} draw={draw} minWidth={480} />
    </Section>
  )
}

function LaneMarks({ lane, y, x, width }: { lane: Lane; y: number; x: Scale; width: number }): ReactNode {
  const last = lane.items.reduce<Item | undefined>(
    (it, item) => (it === undefined || item.at > it.at ? item : it),
    undefined,
  )
  const label = last === undefined ? null : labelPlace(lane, last, x, width)
  return (
    <g>
      <text x={0} y={y + 19} className="h">
        {lane.name}
      </text>
      <path className="gl" d={`M${LEFT} ${y + LANE - 1}H${width}`} />
      {lane.items.map((item, index) => {
        const at = x(item.at)
        const to = item.to === undefined ? at : x(item.to)
        if (lane.id === 'traffic')
          return (
            <rect
              key={`${item.at} ${index}`}
              x={at}
              y={y + 8 + 12 * (1 - (item.share ?? 1))}
              width={Math.max(1, to - at)}
              height={Math.max(1, 12 * (item.share ?? 1))}
              className={TONES[item.tone]}
            >
              <title>{item.text}</title>
            </rect>
          )
        if (item.tone === 'bad')
          return (
            <path
              key={`${item.at} ${index}`}
              className="cb no"
              strokeWidth={1.8}
              d={`M${at - 4} ${y + 10}l8 8m0 -8l-8 8`}
            >
              <title>{item.text}</title>
            </path>
          )
        if (lane.id === 'versions')
          return (
            <path key={`${item.at} ${index}`} className={TONES[item.tone]} d={`M${at} ${y + 9}l5 5l-5 5l-5 -5z`}>
              <title>{item.text}</title>
            </path>
          )
        return (
          <rect
            key={`${item.at} ${index}`}
            x={to - at > 6 ? at : at - 3}
            y={y + 10}
            width={Math.max(6, to - at)}
            height={8}
            rx={4}
            className={TONES[item.tone]}
          >
            <title>{item.text}</title>
          </rect>
        )
      })}
      {last !== undefined && label !== null && (
        <g className="halo">
          <text x={label.x} y={y + 18} textAnchor={label.anchor} className={last.tone === 'bad' ? 'fb' : 'h'}>
            {last.text}
          </text>
        </g>
      )}
    </g>
  )
}

/** Where the newest item's name has room: before it, else behind it, else nowhere. Traffic is named at its end. */
function labelPlace(lane: Lane, last: Item, x: Scale, width: number): { x: number; anchor: 'start' | 'end' } | null {
  const room = textWidth(last.text) + 16
  const start = x(last.at)
  const end = x(last.to ?? last.at) + 10
  if (lane.id === 'traffic') return null
  const before = lane.items.filter((item) => item !== last).map((item) => x(item.to ?? item.at))
  if (start - room > LEFT && Math.max(LEFT, ...before) < start - room) return { x: start - 10, anchor: 'end' }
  return end + room < width ? { x: end, anchor: 'start' } : null
}

/** Shares of the newest version over time, from the events of its roll-outs; after a roll-back the version before has all again. */
function trafficOf(rollouts: readonly Rollout[], now: number): Item[] {
  const events = rollouts
    .flatMap((rollout) =>
      rollout.events.map((event) => {
        const back = event.to === 'rolled_back' && rollout.from !== null
        return {
          at: event.at,
          share: back ? 1 : event.weight / 100,
          version: back ? rollout.from!.number : rollout.to.number,
          back,
        }
      }),
    )
    .sort((a, b) => a.at - b.at)
  return events.map((event, index) => ({
    at: event.at,
    to: events[index + 1]?.at ?? now,
    text: `v${event.version} ${Math.round(event.share * 100)} %`,
    tone: event.version === events.at(-1)?.version ? 'info' : 'rest',
    share: event.share,
  }))
}

import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useFormat, type Format } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { ChartFrame } from '../../ui/charts/frame.tsx'
import { extent, linear, ticks } from '../../ui/charts/scale.ts'
import { GateMark, WeightBar } from '../../ui/charts/small.tsx'
import { Actor, By } from '../../ui/actor.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'
import { isSmallerBetter } from '../runs/run-data.ts'
import type { ModelVersion } from './version-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'
import { gainOf } from './gain.ts'

type Evidence = ModelVersion['evidence'][number]
type Check = Evidence['checks'][number]

/** The gate's evidence against its limits, whether the gain is real, who must agree, what happens either way. */
export function Decision({
  project,
  version,
  reasonField,
}: {
  project: string
  version: ModelVersion
  reasonField: ReactNode
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const evidence = version.evidence[0]
  return (
    <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 792fr) minmax(0, 352fr)', gap: 40 }}>
      <div>
        {evidence === undefined ? (
          <Section title={t('version.gate')}>
            <Nothing>{version.stateReason || t('version.gate_none')}</Nothing>
          </Section>
        ) : (
          <Gate version={version} evidence={evidence} format={format} />
        )}
      </div>
      <div>
        <Approvals version={version} />
        {version.state === 'awaiting_approval' ? (
          <>
            <Section title={t('version.if_approved')}>
              <p className="t13">{t('version.if_approved_body', { number: version.number })}</p>
              <RolloutPlan project={project} model={version.name} />
            </Section>
            <Section title={t('version.if_refused')}>
              <p className="t13">{t('version.if_refused_body')}</p>
              {reasonField}
            </Section>
          </>
        ) : (
          <Serves project={project} version={version} />
        )}
        <TopImportances version={version} />
        {evidence !== undefined && (
          <Section title={t('version.evidence')}>
            <p className="t13">{evidence.reason}</p>
            <p className="m t12 id">{t('version.digest', { digest: `${evidence.digest.slice(0, 8)}…` })}</p>
            <p className="m t12">
              <By id={evidence.createdBy} /> <Ago at={evidence.createdAt} />
            </p>
          </Section>
        )}
      </div>
    </div>
  )
}

function Gate({ version, evidence, format }: { version: ModelVersion; evidence: Evidence; format: Format }): ReactNode {
  const t = useT()
  const passed = evidence.checks.filter((check) => check.verdict !== 'failed').length
  const champion = evidence.champion === null ? null : `v${evidence.champion.version}`
  const boot = evidence.checks.filter((check) => check.interval !== null && check.d !== null)
  return (
    <>
      <Section
        title={t('version.gate')}
        note={
          <>
            <span className={evidence.verdict === 'passed' ? 'okc b t14' : 'badc b t14'}>
              {t('version.gate_count', { passed, all: evidence.checks.length })}
            </span>{' '}
            {t('version.gate_on', {
              rows: format.count(evidence.evaluation.rows),
              data: evidence.evaluation.datasetUri ?? evidence.evaluation.digest.slice(0, 8),
            })}
          </>
        }
        aside={<Legend own={`v${version.number}`} champion={champion} />}
      >
        <TableBox>
          <table className="gate">
            <thead>
              <tr>
                <th scope="col">{t('version.result')}</th>
                <th scope="col">{t('version.measure')}</th>
                <th scope="col" className="num">{`v${version.number}`}</th>
                <th scope="col" className="num">
                  {t('version.reference')}
                </th>
                <th scope="col">{t('version.rule')}</th>
                <th scope="col">{t('version.against')}</th>
                <th scope="col" className="num">
                  {t('version.delta')}
                </th>
              </tr>
            </thead>
            <tbody>
              {evidence.checks.map((check) => (
                <CheckRow key={check.rule} check={check} format={format} />
              ))}
              {evidence.parity !== null && (
                <tr title={evidence.parity.reason}>
                  <td>
                    <Status state={evidence.parity.verdict} />
                  </td>
                  <th scope="row" className="b">
                    {t('version.parity')}
                  </th>
                  <td className="num b">{format.number(evidence.parity.maxDifference)}</td>
                  <td className="num m">–</td>
                  <td className="rule">{`≤ ${format.number(evidence.parity.tolerance)}`}</td>
                  <td>
                    <GateMark
                      value={evidence.parity.maxDifference}
                      limit={evidence.parity.tolerance}
                      good="below"
                      label={t('version.mark', {
                        metric: t('version.parity'),
                        value: format.number(evidence.parity.maxDifference),
                        limit: format.number(evidence.parity.tolerance),
                      })}
                    />
                  </td>
                  <td className="num m">
                    {t('version.parity_note', {
                      rows: format.count(evidence.parity.rows),
                      nulls: format.count(evidence.parity.nullRows),
                    })}
                  </td>
                </tr>
              )}
            </tbody>
          </table>
        </TableBox>
        {evidence.checks
          .filter((check) => check.verdict === 'failed')
          .map((check) => (
            <p key={check.rule} className="badc t13 gap">
              {check.reason}
            </p>
          ))}
      </Section>
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1fr)', gap: 40 }}>
        {boot.length > 0 && (
          <Section
            title={t('version.gain')}
            note={t('version.gain_note', { level: format.percent(boot[0]!.interval!.level, 0) })}
          >
            {boot.map((check) => (
              <GainChart key={check.rule} check={check} format={format} />
            ))}
          </Section>
        )}
        <Section title={t('version.metrics')} note={t('version.metrics_note')}>
          <TableBox>
            <table className="compact">
              <thead>
                <tr>
                  <th scope="col">{t('version.measure')}</th>
                  <th scope="col" className="num">
                    {t('version.candidate')}
                  </th>
                  <th scope="col" className="num">
                    {champion ?? t('version.champion')}
                  </th>
                  <th scope="col" className="num">
                    {t('version.baseline')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {evidence.metrics.map((row) => (
                  <tr key={row.metric}>
                    <th scope="row">{row.metric}</th>
                    <td className="num b">{format.number(row.candidate)}</td>
                    <td className="num m">{format.number(row.champion)}</td>
                    <td className="num m">{format.number(row.baseline)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableBox>
        </Section>
      </div>
    </>
  )
}

function CheckRow({ check, format }: { check: Check; format: Format }): ReactNode {
  const t = useT()
  const smaller = isSmallerBetter(check.metric)
  const bound = check.referenceName === 'min' || check.referenceName === 'max'
  const limit = check.reference
  const good =
    check.referenceName === 'min' ? 'above' : check.referenceName === 'max' ? 'below' : smaller ? 'below' : 'above'
  // The interval is that of the gain d; on the metric's own axis it lies around the reference, on the good side for d > 0.
  const interval =
    check.interval === null || check.reference === null
      ? null
      : smaller
        ? ([check.reference - check.interval.high, check.reference - check.interval.low] as const)
        : ([check.reference + check.interval.low, check.reference + check.interval.high] as const)
  return (
    <tr title={check.reason}>
      <td>
        <Status state={check.verdict === 'failed' && check.severity === 'warn' ? 'warn' : check.verdict} />
      </td>
      <th scope="row" className="b">
        {check.metric}
      </th>
      <td className="num b">{format.number(check.value)}</td>
      <td className="num m">{bound ? '–' : format.number(check.reference)}</td>
      <td className="rule">
        {check.rule.startsWith(`${check.metric} `) ? check.rule.slice(check.metric.length + 1) : check.rule}
      </td>
      <td>
        <GateMark
          value={check.value}
          reference={bound ? null : check.reference}
          limit={limit}
          interval={interval}
          good={good}
          label={t('version.mark', {
            metric: check.metric,
            value: format.number(check.value),
            limit: format.number(limit),
          })}
        />
      </td>
      <td className="num">
        {format.delta(gainOf(check))}{' '}
        {check.interval !== null && (
          <span className="m">
            {t('version.interval', { low: format.delta(check.interval.low), high: format.delta(check.interval.high) })}
          </span>
        )}
      </td>
    </tr>
  )
}

function Legend({ own, champion }: { own: string; champion: string | null }): ReactNode {
  const t = useT()
  return (
    <span className="legend m t12">
      <svg width="10" height="10" aria-hidden="true">
        <circle cx="5" cy="5" r="4" className="f1" />
      </svg>
      {own}
      {champion !== null && (
        <>
          <svg width="10" height="10" aria-hidden="true">
            <circle cx="5" cy="5" r="3.4" className="fbg ct" />
          </svg>
          {champion}
        </>
      )}
      <svg width="4" height="12" aria-hidden="true">
        <path d="M2 0V12" className="ct" strokeWidth="1.4" />
      </svg>
      {t('endpoint.limit')}
    </span>
  )
}

/** The interval of the gain against 0: wholly right of it, the gain is real. */
function GainChart({ check, format }: { check: Check; format: Format }): ReactNode {
  const t = useT()
  const { low, high } = check.interval!
  const middle = gainOf(check) ?? (low + high) / 2
  const draw = (width: number) => {
    const area = { left: 12, right: width - 12 }
    const x = linear(extent([low, high, 0], { pad: 0.3 }), [area.left, area.right])
    return (
      <g>
        {ticks(x.domain, 5).map((tick) => (
          <g key={tick}>
            <path className="gl" d={`M${x(tick)} 18V74`} />
            <text x={x(tick)} y={92} textAnchor="middle">
              {format.delta(tick)}
            </text>
          </g>
        ))}
        <path className="ax" d={`M${x(0)} 14V78`} />
        <text x={x(0) - 6} y={12} textAnchor="end">
          {t('version.gain_worse')}
        </text>
        <text x={x(0) + 6} y={12}>
          {t('version.gain_better')}
        </text>
        <rect x={x(low)} width={x(high) - x(low)} y={30} height={32} className={`band ${low > 0 ? 'f1' : 'fm'}`} />
        <path className={low > 0 ? 'c1' : 'cm'} d={`M${x(low)} 46H${x(high)}`} strokeWidth={2} />
        <circle cx={x(middle)} cy={46} r={4.5} className={low > 0 ? 'f1' : 'fm'} />
        <g className="halo">
          <text x={x(middle)} y={28} textAnchor="middle" className="sb">
            {`${check.metric} ${format.delta(middle)}`}
          </text>
        </g>
      </g>
    )
  }
  return (
    <>
      <ChartFrame
        sentence={t('version.gain_sentence', {
          metric: check.metric,
          d: format.delta(gainOf(check)),
          low: format.delta(low),
          high: format.delta(high),
        })}
        height={98}
        draw={draw}
      />
      <p className="m t12">{t('version.gain_groups', { groups: check.groups ?? 0, rows: format.count(check.rows) })}</p>
    </>
  )
}

function Approvals({ version }: { version: ModelVersion }): ReactNode {
  const t = useT()
  const missing = version.state === 'awaiting_approval' ? version.approvers : []
  return (
    <Section
      title={t('version.approvals')}
      note={
        version.approvers.length === 0
          ? t('version.approvals_none')
          : t('version.approvals_needs', { who: version.approvers.join(', ') })
      }
    >
      {(version.approvals.length > 0 || missing.length > 0) && (
        <ul className="appr">
          {version.approvals.map((approval) => (
            <li key={approval.id}>
              <Status state={approval.decision === 'approved' ? 'passed' : 'refused'} bare />
              <span>
                <span className="b">
                  <Actor id={approval.approver} />
                </span>{' '}
                {approval.soleUser && <span className="m">{t('version.sole_user')}</span>}
                {approval.comment !== '' && <span className="block">{approval.comment}</span>}
              </span>
              <span className="m t12">
                <Ago at={approval.at} />
              </span>
            </li>
          ))}
          {missing.map((who) => (
            <li key={who}>
              <Status state="awaiting_approval" bare />
              <span>
                <span className="b">{who}</span>
                <span className="m block">{t('version.approvals_waits')}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

/** Where the version answers requests now, and how much of them. */
function Serves({ project, version }: { project: string; version: ModelVersion }): ReactNode {
  const t = useT()
  const format = useFormat()
  const endpoints = useRead('listEndpoints', { project })
  const serving = (endpoints.data?.items ?? []).flatMap((endpoint) =>
    endpoint.traffic
      .filter((part) => part.version.id === version.id && part.weight > 0)
      .map((part) => ({ endpoint, part })),
  )
  return (
    <Section title={t('version.serves')} note={serving.length === 0 ? version.stateReason : undefined}>
      {serving.length === 0 ? (
        <Nothing>{t('overview.serve_none')}</Nothing>
      ) : (
        <ul className="lines">
          {serving.map(({ endpoint, part }) => (
            <li key={endpoint.id} className="row">
              <Status state={endpoint.state === 'ready' ? 'serving' : endpoint.state} bare />
              <Link to={pathTo(project, 'endpoints', endpoint.name)}>{endpoint.name}</Link>
              <span className="b">{format.percent(part.weight / 100, 0)}</span>
              <span className="m r">
                <Ago at={part.since} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

/** The inputs that it looks at most. */
function TopImportances({ version }: { version: ModelVersion }): ReactNode {
  const t = useT()
  const format = useFormat()
  const rows = version.importances?.slice(0, 8) ?? []
  if (rows.length === 0) return null
  return (
    <Section
      title={t('version.tab_importance')}
      note={version.importanceMetric !== null && t('version.importance_note', { metric: version.importanceMetric })}
    >
      <table className="compact">
        <tbody>
          {rows.map((row) => (
            <tr key={row.feature}>
              <th scope="row">{row.feature}</th>
              <td>
                <WeightBar
                  share={Math.max(0, row.drop) / Math.max(1e-12, rows[0]!.drop)}
                  width={120}
                  tone="f1"
                  label={`${row.feature} ${format.number(row.drop)}`}
                />
              </td>
              <td className="num">{format.number(row.drop)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}

/** The steps by which endpoints of this model would take the version, as their last roll-out did. */
function RolloutPlan({ project, model }: { project: string; model: string }): ReactNode {
  const t = useT()
  const format = useFormat()
  const endpoints = useRead('listEndpoints', { project })
  const followers = endpoints.data?.items.filter((it) => it.model.includes(`/${model}`) || it.model === model) ?? []
  return followers.map((endpoint) => (
    <div key={endpoint.id} className="gap">
      <p className="t13 b">{endpoint.name}</p>
      {endpoint.rollout !== null && (
        <ul className="next">
          {endpoint.rollout.steps.map((step) => (
            <li key={step}>
              <b>{format.percent(step / 100, 0)}</b>
              <span className="m">
                {t('endpoint.step_bakes', {
                  elapsed: '0',
                  bake: format.duration(endpoint.rollout!.bakeMs),
                  requests: 0,
                  min: endpoint.rollout!.minRequests,
                })}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  ))
}

import { useMemo, useState, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat, type Format } from '../../lib/format.ts'
import { useT, type Translate } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { MiniBars } from '../../ui/charts/small.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { ProfilePanel } from './profile-panel.tsx'
import { VersionsTable } from './versions-table.tsx'

type Check = AnswerOf<'getDatasetChecks'>['results'][number]
const ORDER = ['error', 'broken', 'warns', 'noted', 'holds']

/** Results of the contract, faults first, with the rows that break it; below, profile and versions. */
export function ContractPanel({
  project,
  dataset,
  version,
  has,
}: {
  project: string
  dataset: string
  version: number
  has: boolean
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const [all, setAll] = useState(false)
  const checks = useRead('getDatasetChecks', { project, dataset, version: String(version) }, { enabled: has })
  const columns = useMemo<readonly Column<Check>[]>(
    () => [
      {
        id: 'result',
        header: t('dataset.rule_result'),
        width: 96,
        sort: (it) => ORDER.indexOf(it.result),
        cell: (it) => <Status state={it.result} />,
      },
      {
        id: 'rule',
        header: t('dataset.rule'),
        head: true,
        sort: (it) => it.title,
        cell: (it) => (
          <>
            <span className="b">{it.title}</span>
            {it.error !== null && <span className="badc t12 block">{it.error}</span>}
          </>
        ),
      },
      {
        id: 'breaks',
        header: t('dataset.breaks'),
        num: true,
        sort: (it) => it.violations,
        cell: (it) => (
          <span className={it.result === 'broken' ? 'badc b' : undefined}>{violationsText(it, format, t)}</span>
        ),
      },
      { id: 'where', header: t('dataset.where'), className: 'clip m', width: '28%', cell: (it) => sampleText(it) },
      {
        id: 'history',
        header: t('dataset.history'),
        width: 130,
        cell: (it) => (
          <MiniBars
            counts={it.history.map((point) => point.violations)}
            tone={it.severity === 'error' ? 'fb' : it.severity === 'warn' ? 'fw' : 'fm'}
            label={t('dataset.history_label', { values: it.history.map((point) => point.violations).join(', ') })}
          />
        ),
      },
      { id: 'effect', header: t('dataset.effect'), cell: (it) => t(`dataset.effect_${it.effect}` as MessageKey) }, // one message for each member of the contract's enum
    ],
    [t, format],
  )
  return (
    <>
      {has ? (
        <Panel of={checks} rows={8}>
          {(data) =>
            data.results.length === 0 ? (
              <section className="sec">
                <Nothing>{t('dataset.contract_pending')}</Nothing>
              </section>
            ) : (
              <Section
                title={t('dataset.contract_title', { number: data.version })}
                note={
                  <>
                    {data.summary !== null && (
                      <span className={data.summary.broken > 0 ? 'badc b' : 'b'}>
                        {t('dataset.contract_counts', {
                          broken: data.summary.broken,
                          warned: data.summary.warned,
                          noted: data.summary.noted,
                          held: data.summary.rules - data.summary.broken - data.summary.warned - data.summary.noted,
                        })}
                      </span>
                    )}
                    {data.checkedAt !== null &&
                      ` ${t('dataset.contract_checked', { time: format.time(data.checkedAt), took: format.duration(data.durationMs), rows: format.count(data.rows) })}`}
                  </>
                }
                aside={
                  data.results.length > MOST && (
                    <button type="button" className="linkb" onClick={() => setAll(!all)}>
                      {all
                        ? t('dataset.faults_only')
                        : t('dataset.more_hold', { count: data.results.length - foremost(data.results, false).length })}
                    </button>
                  )
                }
              >
                <DataTable
                  compact
                  label={t('dataset.tab_contract')}
                  columns={columns}
                  rows={foremost(data.results, all)}
                  rowKey={(it) => it.rule}
                />
              </Section>
            )
          }
        </Panel>
      ) : (
        <section className="sec">
          <Nothing>{t('dataset.contract_none')}</Nothing>
        </section>
      )}
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1.9fr) minmax(0, 1fr)' }}>
        <ProfilePanel project={project} dataset={dataset} version={version} limit={10} />
        <Section title={t('dataset.versions_title')}>
          <VersionsTable project={project} dataset={dataset} selected={version} />
        </Section>
      </div>
    </>
  )
}

const MOST = 10

/** Faults first; of the rules that hold only as many as make ten rows, unless all are asked for. */
function foremost(results: readonly Check[], all: boolean): Check[] {
  const sorted = [...results].sort((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result))
  return all ? sorted : sorted.filter((it, index) => it.result !== 'holds' || index < MOST)
}

/** How often a rule is broken, in its own unit. */
function violationsText(check: Check, format: Format, t: Translate): string {
  if (check.violations === 0) return '0'
  if (check.unit === 'rows') return t('dataset.unit_rows', { count: check.violations })
  if (check.unit === 'days') return t('dataset.unit_days', { count: check.violations })
  return `${format.count(check.violations)} ${check.unit}`
}

/** The first failing row or group, in a line. */
function sampleText(check: Check): string {
  const [first] = check.samples
  if (first === undefined)
    return check.measured === null || check.measured === 0
      ? '–'
      : `${check.measured}${check.threshold === null ? '' : ` (${check.threshold})`}`
  const text = Object.entries(first)
    .slice(0, 5)
    .map(
      ([key, value]) =>
        `${key} ${value === null ? 'null' : typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
    )
    .join(', ')
  return check.samples.length > 1 ? `${text} …` : text
}

import { Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState, type FormEvent, type ReactNode } from 'react'
import { ApiError } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Icon } from '../../ui/icon.tsx'
import { Segmented } from '../../ui/layout.tsx'
import { Failure, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'
import { ChartsPane } from './charts-pane.tsx'
import { isSmallerBetter, seriesColour, useCells } from './run-data.ts'

const ROW = 28

/** Which run is best and why: every run of an experiment in one table, filtered in MLflow's grammar, charts of the selection beside it. */
export function RunsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const navigate = useNavigate()
  const name = useAddress('experiment')
  const search = useSearchPart()
  const filter = search['q'] ?? ''
  const sort = search['sort'] ?? ''
  const view = search['view'] ?? 'both'
  useTitle(name)
  const experiment = useRead('getExperiment', { project, experiment: name })
  const experimentId = experiment.data?.id ?? ''
  const columns = useRead('listRunColumns', { project, experimentId }, { enabled: experimentId !== '' })
  const found = useRead(
    'searchRuns',
    { project, experimentIds: [experimentId], filter, orderBy: sort === '' ? [] : [sort] },
    { enabled: experimentId !== '', keep: true },
  )
  const ids = found.data?.ids ?? NO_IDS
  const keys = useMemo(
    () => ({
      metrics: (columns.data?.metrics ?? [])
        .filter((it) => !it.key.startsWith('system/'))
        .slice(0, 3)
        .map((it) => it.key),
      params: (columns.data?.params ?? []).slice(0, 4).map((it) => it.key),
    }),
    [columns.data],
  )
  const [selected, setSelected] = useState<readonly string[]>([])
  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 10,
  })
  const items = virtual.getVirtualItems()
  const cells = useCells(project, ids, Math.max(0, (items[0]?.index ?? 0) - 50), (items.at(-1)?.index ?? 0) + 50, keys)
  const setSearch = (part: Record<string, string | undefined>) =>
    void navigate({ to: '.', search: { ...search, ...part }, replace: true })
  if (experiment.error !== null && experiment.data === undefined)
    return <Failure error={experiment.error} onRetry={() => void experiment.refetch()} />
  const lead = keys.metrics[0]
  const seen = [...cells.values()]
  const best =
    lead === undefined
      ? null
      : seen.reduce<string | null>(
          (it, run) =>
            isBetter(run.metrics[lead], it === null ? null : cells.get(it)?.metrics[lead], isSmallerBetter(lead))
              ? run.id
              : it,
          null,
        )
  const grid = `28px 12px minmax(120px, 1.3fr) 104px 84px ${keys.metrics.map(() => 'minmax(72px, .8fr)').join(' ')} ${keys.params.map(() => 'minmax(72px, .9fr)').join(' ')}`
  const minWidth = 36 + 28 + 12 + 120 + 104 + 84 + 72 * (keys.metrics.length + keys.params.length)
  const toggleSort = (field: string) =>
    setSearch({
      sort: sort === `${field} ASC` ? `${field} DESC` : sort === `${field} DESC` ? undefined : `${field} ASC`,
    })
  const toggle = (id: string) => setSelected((was) => (was.includes(id) ? was.filter((it) => it !== id) : [...was, id]))
  const head = (label: string, field: string, num = true) => {
    const state = sort === `${field} ASC` ? 'ascending' : sort === `${field} DESC` ? 'descending' : undefined
    return (
      <span key={field} role="columnheader" className={num ? 'num' : undefined} aria-sort={state}>
        <button
          type="button"
          className={state === undefined ? 'sortb' : 'sortb sort'}
          onClick={() => toggleSort(field)}
          title={label}
        >
          {label}
          <span aria-hidden="true">{state === 'ascending' ? ' ↑' : state === 'descending' ? ' ↓' : ''}</span>
        </button>
      </span>
    )
  }
  return (
    <div className="runs0" style={view === 'table' ? { gridTemplateColumns: 'minmax(0, 1fr)' } : undefined}>
      <div className="rbar">
        <div className="bar1">
          <h1>{name}</h1>
          <span className="m t13" aria-live="polite">
            {filter === ''
              ? t('runs.count_all', { all: ids.length })
              : t('runs.count', { shown: format.count(ids.length), all: format.count(experiment.data?.runCount) })}
          </span>
          <NewRuns
            shown={ids.length}
            filtered={filter !== ''}
            total={experiment.data?.runCount ?? 0}
            onShow={() => void found.refetch()}
          />
          <span className="acts push">
            <Link
              className="btn"
              aria-disabled={selected.length < 2}
              to={pathTo(project, 'experiments', name, 'compare')}
              search={{ runs: selected.join(',') }}
              disabled={selected.length < 2}
            >
              {t('runs.compare', { count: selected.length })}
            </Link>
            <Segmented
              label={t('run.view')}
              value={view}
              onChange={(next) => setSearch({ view: next === 'both' ? undefined : next })}
              options={[
                ['table', t('runs.table')],
                ['both', t('runs.both')],
              ]}
            />
          </span>
        </div>
        <FilterBox
          key={filter}
          value={filter}
          error={found.error}
          onSubmit={(next) => setSearch({ q: next === '' ? undefined : next })}
        />
      </div>
      <div
        className="vt"
        ref={box}
        role="grid"
        aria-label={t('experiments.runs')}
        aria-rowcount={ids.length + 1}
        tabIndex={0}
      >
        <div className="vrow vhead" role="row" aria-rowindex={1} style={{ gridTemplateColumns: grid, minWidth }}>
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label={t('runs.select_all')}
              checked={ids.length > 0 && selected.length === ids.length}
              onChange={(event) => setSelected(event.currentTarget.checked ? ids : [])}
            />
          </span>
          <span role="columnheader">
            <span className="sr">{t('runs.best')}</span>
          </span>
          {head(t('common.name'), 'attributes.run_name', false)}
          {head(t('runs.status'), 'attributes.status', false)}
          {head(t('runs.age'), 'attributes.start_time')}
          {keys.metrics.map((key) => head(key, `metrics.\`${key}\``))}
          {keys.params.map((key) => head(key, `params.\`${key}\``))}
        </div>
        {found.data === undefined && found.error === null && <Skeleton rows={12} />}
        {found.data !== undefined && ids.length === 0 && (
          <div className="pad0 pn">
            <p>{filter === '' ? t('runs.none_yet') : t('runs.none', { filter })}</p>
            {filter !== '' && (
              <button type="button" className="btn" onClick={() => setSearch({ q: undefined })}>
                {t('runs.clear')}
              </button>
            )}
          </div>
        )}
        <div className="vbody" role="rowgroup" style={{ height: virtual.getTotalSize(), minWidth }}>
          {items.map((item) => {
            const id = ids[item.index]!
            const run = cells.get(id)
            const at = selected.indexOf(id)
            return (
              <div
                key={id}
                className="vrow"
                role="row"
                aria-rowindex={item.index + 2}
                aria-selected={at >= 0}
                tabIndex={-1}
                style={{ gridTemplateColumns: grid, transform: `translateY(${item.start}px)` }}
              >
                <span role="gridcell">
                  <input
                    type="checkbox"
                    aria-label={t('runs.select', { name: run?.name ?? id })}
                    checked={at >= 0}
                    onChange={() => toggle(id)}
                  />
                </span>
                <span role="gridcell">{at >= 0 && <Swatch colour={seriesColour(at)} />}</span>
                {run === undefined ? (
                  <span role="gridcell" className="m">
                    …
                  </span>
                ) : (
                  <>
                    <span role="rowheader">
                      <Link to={pathTo(project, 'experiments', name, 'runs', id)}>{run.name}</Link>
                    </span>
                    <span role="gridcell">
                      <Status state={run.status} />
                    </span>
                    <span role="gridcell" className="num m">
                      <Ago at={run.startedAt} />
                    </span>
                    {keys.metrics.map((key, index) => (
                      <span key={key} role="gridcell" className={id === best && index === 0 ? 'num best' : 'num'}>
                        {id === best && index === 0 && (
                          <>
                            <span className="okc" aria-hidden="true">
                              {'◆ '}
                            </span>
                            <span className="sr">{t('runs.best')}</span>
                          </>
                        )}
                        {format.number(run.metrics[key])}
                      </span>
                    ))}
                    {keys.params.map((key) => (
                      <span key={key} role="gridcell" className="num" title={run.params[key]}>
                        {paramText(run.params[key])}
                      </span>
                    ))}
                  </>
                )}
              </div>
            )
          })}
        </div>
      </div>
      {view !== 'table' && (
        <ChartsPane
          project={project}
          metrics={keys.metrics}
          params={keys.params}
          runs={seen}
          selected={selected}
          best={best}
        />
      )}
    </div>
  )
}

const NO_IDS: readonly string[] = []

/** New rows wait behind a count, so that nothing jumps under the reader's eyes. */
function NewRuns({
  shown,
  total,
  filtered,
  onShow,
}: {
  shown: number
  total: number
  filtered: boolean
  onShow: () => void
}): ReactNode {
  const t = useT()
  if (filtered || total <= shown || shown === 0) return null
  return (
    <button type="button" className="btn q" onClick={onShow}>
      <Icon name="up" />
      {t('runs.new', { count: total - shown })}
    </button>
  )
}

function FilterBox({
  value,
  error,
  onSubmit,
}: {
  value: string
  error: Error | null
  onSubmit: (value: string) => void
}): ReactNode {
  const t = useT()
  const [text, setText] = useState(value)
  const bad = error instanceof ApiError ? error.message : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit(text.trim())
  }
  return (
    <form className="filter" onSubmit={submit} role="search">
      <input
        data-filter
        className={bad === null ? 'in' : 'in bad'}
        aria-label={t('runs.filter_label')}
        aria-invalid={bad !== null}
        placeholder={t('runs.filter')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        spellCheck={false}
        autoComplete="off"
      />
      {bad !== null && (
        <span className="badc t13" role="alert">
          {bad}
        </span>
      )}
    </form>
  )
}

/** The colour a run has in every chart. */
export function Swatch({ colour }: { colour: string }): ReactNode {
  return (
    <svg width="10" height="10" aria-hidden="true">
      <rect width="10" height="10" rx="2" className={colour.replace('c', 'f')} />
    </svg>
  )
}

function isBetter(value: number | null | undefined, than: number | null | undefined, smaller: boolean): boolean {
  if (value === null || value === undefined) return false
  return than === null || than === undefined || (smaller ? value < than : value > than)
}

function paramText(value: string | undefined): string {
  if (value === undefined) return '–'
  const number = Number(value)
  return value.trim() !== '' && Number.isFinite(number) && value.length > 8
    ? String(Number(number.toPrecision(3)))
    : value
}

import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Panel } from '../../ui/panel.tsx'
import { isSmallerBetter, seriesColour, type RunCell } from './run-data.ts'
import { Swatch } from './runs-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'

/** Two to fifty runs side by side: what differs first, against a chosen baseline. */
export function ComparePage(): ReactNode {
  const t = useT()
  const project = useProject()
  const ids = (useSearchPart()['runs'] ?? '')
    .split(',')
    .filter((id) => id !== '')
    .slice(0, 50)
  const title = t('compare.title', { count: ids.length })
  useTitle(title)
  const cells = useRead('getRunCells', { project, ids, tags: [] }, { enabled: ids.length > 0 })
  return (
    <>
      <PageHead title={title} />
      <Panel of={cells}>{(data) => <CompareTable project={project} runs={data.runs} />}</Panel>
    </>
  )
}

function CompareTable({ project, runs }: { project: string; runs: readonly RunCell[] }): ReactNode {
  const t = useT()
  const format = useFormat()
  const [baseline, setBaseline] = useState(runs[0]?.id ?? '')
  const base = runs.find((run) => run.id === baseline) ?? runs[0]
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].filter(
    (key) => !key.startsWith('system/'),
  )
  const params = [...new Set(runs.flatMap((run) => Object.keys(run.params)))]
  const differs = (key: string) => new Set(runs.map((run) => run.params[key])).size > 1
  const head = (
    <thead>
      <tr>
        <th scope="col">{t('common.name')}</th>
        {runs.map((run, index) => (
          <th key={run.id} scope="col" className="num">
            <label className="colhead">
              <Swatch colour={seriesColour(index)} /> <Link to={pathTo(project, 'runs', run.id)}>{run.name}</Link>
              <input
                type="radio"
                name="baseline"
                checked={run.id === base?.id}
                onChange={() => setBaseline(run.id)}
                aria-label={`${t('compare.baseline')} ${run.name}`}
              />
            </label>
          </th>
        ))}
      </tr>
    </thead>
  )
  return (
    <>
      <Section title={t('runpage.metrics')} note={base !== undefined && `${t('compare.baseline')}: ${base.name}`}>
        <TableBox>
          <table className="compact">
            {head}
            <tbody>
              {metrics.map((key) => (
                <tr key={key}>
                  <th scope="row">{key}</th>
                  {runs.map((run) => {
                    const value = run.metrics[key]
                    const delta = value == null || base?.metrics[key] == null ? null : value - base.metrics[key]
                    const better = delta !== null && delta !== 0 && delta < 0 === isSmallerBetter(key)
                    return (
                      <td key={run.id} className="num">
                        {format.number(value)}{' '}
                        {run.id !== base?.id && delta !== null && (
                          <span className={delta === 0 ? 'm' : better ? 'okc' : 'badc'}>{format.delta(delta)}</span>
                        )}
                      </td>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </TableBox>
      </Section>
      {[true, false].map((different) => {
        const keys = params.filter((key) => differs(key) === different)
        return keys.length === 0 ? null : (
          <Section
            key={String(different)}
            title={t('runpage.params')}
            note={different ? t('compare.differences') : t('compare.same')}
          >
            <TableBox>
              <table className="compact">
                {head}
                <tbody>
                  {keys.map((key) => (
                    <tr key={key}>
                      <th scope="row">{key}</th>
                      {runs.map((run) => (
                        <td key={run.id} className={run.params[key] === base?.params[key] ? 'num m' : 'num b'}>
                          {run.params[key] ?? '–'}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </TableBox>
          </Section>
        )
      })}
    </>
  )
}

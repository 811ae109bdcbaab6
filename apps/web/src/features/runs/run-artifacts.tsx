import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { addressOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useSearchPart } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Icon } from '../../ui/icon.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import type { Run } from './run-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'

/** Files that the run logged, folder by folder. */
export function RunArtifacts({ project, run }: { project: string; run: Run }): ReactNode {
  const t = useT()
  const format = useFormat()
  const navigate = useNavigate()
  const search = useSearchPart()
  const path = search['path'] ?? ''
  const list = useRead('listRunArtifacts', { project, run: run.id, path, limit: 1000 }, { keep: true })
  const open = (next: string) => void navigate({ to: '.', search: { ...search, path: next === '' ? undefined : next } })
  return (
    <Section
      title={path === '' ? t('runpage.artifacts') : path}
      aside={
        path !== '' && (
          <button type="button" className="btn q" onClick={() => open(path.split('/').slice(0, -1).join('/'))}>
            {t('runpage.file_up')}
          </button>
        )
      }
    >
      <Panel of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing>{t('runpage.no_files')}</Nothing>
          ) : (
            <TableBox>
              <table className="compact">
                <thead>
                  <tr>
                    <th scope="col">{t('dataset.path')}</th>
                    <th scope="col" className="num">
                      {t('datasets.size')}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.items.map((entry) => (
                    <tr key={entry.path}>
                      <th scope="row">
                        <span className="fileline">
                          <Icon name={entry.isFolder ? 'folder' : 'file'} />
                          {entry.isFolder ? (
                            <button type="button" className="linkb" onClick={() => open(entry.path)}>
                              {entry.path.split('/').at(-1)}
                            </button>
                          ) : (
                            <a href={addressOf('getRunArtifact', { project, run: run.id, path: entry.path })} download>
                              {entry.path.split('/').at(-1)}
                            </a>
                          )}
                        </span>
                      </th>
                      <td className="num">{entry.isFolder ? '–' : format.bytes(entry.sizeBytes)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </TableBox>
          )
        }
      </Panel>
    </Section>
  )
}

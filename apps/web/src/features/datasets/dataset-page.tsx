import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { By } from '../../ui/actor.tsx'
import { PageHead, Tabs } from '../../ui/layout.tsx'
import { Failure, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'
import { LineageView } from '../lineage/lineage-view.tsx'
import { ContractPanel } from './contract-panel.tsx'
import { ContractState } from './datasets-page.tsx'
import { DiffPanel, FilesPanel, PreviewPanel } from './content-panels.tsx'
import { ProfilePanel } from './profile-panel.tsx'
import { VersionsTable } from './versions-table.tsx'

/** One dataset at one version: contract, versions, profile, preview, difference, files, lineage. */
export function DatasetPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const dataset = useAddress('dataset')
  const asked = useAddress('version')
  const tab = useSearchPart()['tab'] ?? 'contract'
  useTitle(asked === '' ? dataset : `v${asked}`)
  const one = useRead('getDataset', { project, dataset })
  const version = useRead(
    'getDatasetVersion',
    { project, dataset, version: asked === '' ? 'latest' : asked },
    { enabled: asked !== '' || one.data?.latest != null },
  )
  const check = useChange('checkDatasetVersion')
  if (one.error !== null) return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={6} />
  const it = one.data
  const shown = version.data ?? it.latest
  const tabs = [
    { id: 'contract', label: t('dataset.tab_contract') },
    { id: 'versions', label: t('dataset.tab_versions'), count: it.versions },
    { id: 'profile', label: t('dataset.tab_profile') },
    { id: 'preview', label: t('dataset.tab_preview') },
    { id: 'diff', label: t('dataset.tab_diff') },
    { id: 'files', label: t('dataset.tab_files'), count: shown?.files },
    { id: 'lineage', label: t('common.lineage') },
  ]
  return (
    <>
      <PageHead
        title={it.name}
        status={
          shown === null ? undefined : shown.checks === null ? (
            <Status state={shown.state} label={shown.stateReason ?? undefined} />
          ) : (
            <ContractState version={shown} has={it.contract !== null} t={t} />
          )
        }
        meta={
          shown !== null && (
            <>
              <span>{`v${shown.number}, ${t('common.rows', { count: format.count(shown.rows) })}`}</span>
              <span>{`${format.bytes(shown.sizeBytes)}, ${t('dataset.meta_files', { count: shown.files })}`}</span>
              <span>
                <By id={shown.createdBy} />
                {', '}
                <Ago at={shown.createdAt} />
              </span>
              {it.source !== null && <span>{t('dataset.meta_source', { source: it.source })}</span>}
              {it.owner !== null && <span>{t('dataset.meta_owner', { owner: it.owner })}</span>}
              {it.newestUsable !== null && it.newestUsable.number !== shown.number && (
                <span>{t('dataset.newest_usable', { number: it.newestUsable.number })}</span>
              )}
              {shown.quarantine !== null && (
                <span>
                  {t('dataset.quarantine', {
                    values: format.count(shown.quarantine.values),
                    rows: format.count(shown.quarantine.rows),
                  })}
                </span>
              )}
            </>
          )
        }
        actions={
          it.contract !== null &&
          shown !== null && (
            <button
              type="button"
              className="btn"
              disabled={check.isPending}
              onClick={() => check.mutate({ project, dataset, version: String(shown.number) })}
            >
              {t('dataset.check_again')}
            </button>
          )
        }
      />
      <Tabs items={tabs} current={tab} label={it.name} />
      {shown === null ? null : tab === 'versions' ? (
        <section className="sec">
          <VersionsTable project={project} dataset={dataset} wide selected={shown.number} />
        </section>
      ) : tab === 'profile' ? (
        <ProfilePanel project={project} dataset={dataset} version={shown.number} />
      ) : tab === 'preview' ? (
        <PreviewPanel project={project} dataset={dataset} version={shown.number} />
      ) : tab === 'diff' ? (
        <DiffPanel project={project} dataset={dataset} from={shown.parentNumber} to={shown.number} />
      ) : tab === 'files' ? (
        <FilesPanel project={project} dataset={dataset} version={shown.number} />
      ) : tab === 'lineage' ? (
        <LineageView project={project} kind="dataset_version" id={shown.id} />
      ) : (
        <ContractPanel project={project} dataset={dataset} version={shown.number} has={it.contract !== null} />
      )}
    </>
  )
}

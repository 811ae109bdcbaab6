import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '@kiban/kit/context'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets } from '../datasets/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { listAlertsOfMonitor } from './alerts.store.ts'
import { monitorsModule, platformSources } from './index.ts'
import { insertMonitor, insertWindow } from './monitors.store.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import { listNotificationRows } from './notifications.store.ts'
import { replaceValues } from './signal-values.store.ts'
import { updateAlerts } from './update-alerts.ts'

describe.each(testDatabases())('alerts on $name', (database) => {
  let app: TestApp
  let drop: () => Promise<void>
  let monitor: MonitorRow
  let number = 0

  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    const modules = [projects, access, audit, secrets, lineageModule([]), datasets, monitorsModule(platformSources)]
    app = await startTestApp({ modules, databaseUrl: fresh.url })
    await fetch(`${app.url}/api/v1/projects`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'flights', title: '', description: '' }),
    })
  })
  afterAll(async () => {
    await app?.close()
    await drop?.()
  })

  const begin = async (): Promise<void> => {
    number += 1
    monitor = {
      id: `mon_${number}`,
      project: 'flights',
      name: `delays${number}`,
      spec_json: '{}',
      state_reason: null,
      archived_at: null,
      created_at: 1,
      created_by: 'usr_test',
    }
    await inTransaction(app.ctx, (ctx) => insertMonitor(ctx, monitor))
  }
  /** Writes what a month's computation found, as compute-window does, and gives the alerts. */
  const find = async (month: number, value: number | null, forWindows = 1) => {
    const window = row(monitor.id, month)
    await inTransaction(app.ctx, async (ctx) => {
      await insertWindow(ctx, window)
      const status = value === null ? 'no_data' : value > 0.05 ? 'fail' : 'ok'
      const rest = {
        slice: null,
        modelVersion: null,
        limit: 0.05,
        direction: 'above',
        severity: 'error',
        rows: 9,
      } as const
      const reason = `ece ${value} is ${status === 'fail' ? 'above' : 'within'} 0.05`
      await replaceValues(
        ctx,
        window,
        [
          {
            signal: 'performance',
            metric: 'ece',
            value,
            status,
            rule: 'performance: ece',
            forWindows,
            reason,
            ...rest,
          },
        ],
        [],
      )
      await updateAlerts(ctx, monitor, window.end_at)
    })
    const alerts = await listAlertsOfMonitor(app.ctx, monitor.id)
    return alerts.map((alert) => [alert.window_label, alert.state, alert.windows])
  }
  const resolveByHand = async (): Promise<number> => {
    const open = (await listAlertsOfMonitor(app.ctx, monitor.id)).find((alert) => alert.state !== 'resolved')
    const path = `${app.url}/api/v1/projects/flights/alerts/${open?.id}/resolve`
    const headers = { 'content-type': 'application/json' }
    return (await fetch(path, { method: 'POST', headers, body: JSON.stringify({ note: 'known' }) })).status
  }

  test('an alert is opened once, lasts while windows fail, and is told once', async () => {
    await begin()
    const before = (
      await listNotificationRows(app.ctx, { project: 'flights', unread: false, before: undefined, limit: 99 })
    ).length
    expect(await find(1, 0.1)).toEqual([['2013-01', 'open', 1]])
    expect(await find(2, 0.1)).toEqual([['2013-01', 'open', 2]])
    expect(await find(2, 0.2)).toEqual([['2013-01', 'open', 2]])
    expect(await find(3, null)).toEqual([['2013-01', 'open', 2]])
    expect(await find(4, 0.01)).toEqual([['2013-01', 'resolved', 2]])
    expect(await find(5, 0.1)).toEqual([
      ['2013-01', 'resolved', 2],
      ['2013-05', 'open', 1],
    ])
    const told = await listNotificationRows(app.ctx, {
      project: 'flights',
      unread: false,
      before: undefined,
      limit: 99,
    })
    expect(told.length - before).toBe(3)
  })

  test('closed by hand it stays closed until the next window fails', async () => {
    await begin()
    await find(1, 0.1)
    expect(await resolveByHand()).toBe(200)
    expect(await find(1, 0.12)).toEqual([['2013-01', 'resolved', 1]])
    expect(await find(2, 0.1)).toEqual([
      ['2013-01', 'resolved', 1],
      ['2013-02', 'open', 2],
    ])
  })

  test('a window that late labels turned fine takes its alert back; one that they made fail does not open a second', async () => {
    await begin()
    await find(6, 0.06, 2)
    expect(await find(7, 0.06, 2)).toEqual([['2013-07', 'open', 2]])
    expect(await find(5, 0.06, 2)).toEqual([['2013-07', 'open', 3]])
    expect(await find(7, 0.04, 2)).toEqual([
      ['2013-07', 'resolved', 3],
      ['2013-06', 'resolved', 2],
    ])
  })
})

function row(monitorId: string, month: number): WindowRow {
  return {
    id: `${monitorId}_${month}`,
    monitor_id: monitorId,
    project: 'flights',
    grain: 'window',
    label: `2013-${String(month).padStart(2, '0')}`,
    start_at: Date.UTC(2013, month - 1),
    end_at: Date.UTC(2013, month),
    state: 'done',
    reason: '',
    due: 0,
    attempts: 0,
    retry_at: null,
    rows: 9,
    labelled: 9,
    has_labels: 1,
    label_version_id: null,
    importance_source: null,
    reference_name: null,
    reference_rows: 0,
    versions_json: '[]',
    signals_json: '[]',
    recomputed: 0,
    computed_at: 1,
    created_at: 1,
    lease_token: null,
    lease_until: null,
  }
}

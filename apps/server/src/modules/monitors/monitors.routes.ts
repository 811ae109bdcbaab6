import { monitors as contract } from '@kiban/contract'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { getProject } from '../projects/index.ts'
import { getAlertRow, listAlertEvents, listAlertRows } from './alerts.store.ts'
import { acknowledgeAlert, resolveAlert, silenceAlert } from './change-alert.ts'
import { presentAlert, presentAlertEvent, presentWindow } from './monitors.present.ts'
import { getMonitorByName, listWindowRows } from './monitors.store.ts'
import { readFeature, readFeatures, readMonitor, readMonitors, readSeries, readWindow } from './read-monitors.ts'
import { acknowledgeNotification, readNotifications } from './read-notifications.ts'
import { recomputeWindow } from './recompute-window.ts'

export const routes: readonly Route[] = [
  route(contract.listMonitors, (ctx, { params }) => readMonitors(ctx, params.project)),
  route(contract.getMonitor, (ctx, { params }) => readMonitor(ctx, params.project, params.monitor)),
  route(contract.listMonitorWindows, async (ctx, { params, query }) => {
    const monitor = await getMonitorByName(ctx, params.project, params.monitor)
    const rows = await listWindowRows(ctx, { monitorId: monitor.id, ...query })
    return { windows: rows.map((row) => presentWindow(row, monitor.name, ctx.clock.now())) }
  }),
  route(contract.getMonitorWindow, (ctx, { params }) => readWindow(ctx, params.project, params.monitor, params.window)),
  route(contract.listMonitorSeries, (ctx, { params, query }) =>
    readSeries(ctx, params.project, params.monitor, query.grain),
  ),
  route(contract.listMonitorFeatures, (ctx, { params, query }) =>
    readFeatures(ctx, params.project, params.monitor, query.window),
  ),
  route(contract.getMonitorFeature, (ctx, { params, query }) =>
    readFeature(ctx, params.project, params.monitor, params.feature, query.window),
  ),
  route(contract.recomputeMonitorWindow, (ctx, { params }) => recomputeWindow(ctx, params)),
  route(contract.listAlerts, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    return { alerts: (await listAlertRows(ctx, { project: params.project, ...query })).map(presentAlert) }
  }),
  route(contract.getAlert, async (ctx, { params }) => {
    const row = await getAlertRow(ctx, params.project, params.alert)
    return { ...presentAlert(row), events: (await listAlertEvents(ctx, row.id)).map(presentAlertEvent) }
  }),
  route(contract.acknowledgeAlert, (ctx, { params, body }) => acknowledgeAlert(ctx, { ...params, ...body })),
  route(contract.silenceAlert, (ctx, { params, body }) => silenceAlert(ctx, { ...params, ...body })),
  route(contract.resolveAlert, (ctx, { params, body }) => resolveAlert(ctx, { ...params, ...body })),
  route(contract.listNotifications, (ctx, { params, query }) =>
    readNotifications(ctx, {
      project: params.project,
      unread: query.unread === 'true',
      cursor: query.cursor,
      limit: query.limit,
    }),
  ),
  route(contract.acknowledgeNotification, (ctx, { params }) =>
    acknowledgeNotification(ctx, params.project, params.notification),
  ),
]

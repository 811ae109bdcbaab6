import { sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { inTransaction } from '@kiban/kit/context'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { audit } from './audit.module.ts'
import { recordAudit } from './record-audit.ts'
import { verifyChain } from './verify-chain.ts'

describe.each(testDatabases())('the audit chain on $name', ({ fresh }) => {
  let app: TestApp
  let drop: () => Promise<void>
  afterEach(async () => {
    await app.close()
    await drop()
  })

  async function withEvents(count: number) {
    const database = await fresh()
    drop = database.drop
    app = await startTestApp({ modules: [audit], databaseUrl: database.url })
    for (let i = 0; i < count; i++)
      await inTransaction(app.ctx, (ctx) =>
        recordAudit(ctx, {
          action: 'project.create',
          resource: { kind: 'project', id: `p${i}` },
          project: 'p',
          after: { i },
        }),
      )
    await app.runLoop('audit-sealer')
  }
  const change = (statement: string) => inTransaction(app.ctx, (ctx) => sql.raw(statement).execute(ctx.db))

  test('holds when nothing was touched', async () => {
    await withEvents(5)
    expect(await verifyChain(app.ctx)).toEqual({ verified: true, events: 5, checkpoints: 1, faults: [] })
  })

  test('shows a changed event', async () => {
    await withEvents(3)
    await change(`update audit_events set actor = 'somebody else' where resource_id = 'p1'`)
    expect((await verifyChain(app.ctx)).faults.join()).toContain('at 2 was changed')
  })

  test('shows changed details, and holds when details were erased', async () => {
    await withEvents(3)
    await change(`delete from audit_details where event_id = (select id from audit_events where resource_id = 'p0')`)
    expect((await verifyChain(app.ctx)).verified).toBe(true)
    await change(
      `update audit_details set after_json = '{"i":9}' where event_id = (select id from audit_events where resource_id = 'p2')`,
    )
    expect((await verifyChain(app.ctx)).faults.join()).toContain('details')
  })

  test('shows a removed event and a lost tail', async () => {
    await withEvents(4)
    await change(`delete from audit_events where resource_id = 'p1'`)
    expect((await verifyChain(app.ctx)).faults.join()).toContain('an event is missing')
    await change(`delete from audit_events where resource_id in ('p2', 'p3')`)
    expect((await verifyChain(app.ctx)).faults.join()).toContain('its tail is lost')
  })
})

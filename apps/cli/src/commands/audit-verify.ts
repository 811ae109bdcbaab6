import type { CommandSpec } from '../command.ts'

/** `kiban audit verify`: check the sealed chain of audit events. */
export const auditVerify: CommandSpec = {
  name: 'audit verify',
  summary: 'Check the sealed chain of audit events',
  example: 'kiban audit verify',
  run: async ({ client }) => {
    const data = await client.verifyAudit()
    return {
      data,
      text: data.verified ? `${data.events} events, unchanged` : `NOT as sealed: ${JSON.stringify(data.faults)}`,
    }
  },
}

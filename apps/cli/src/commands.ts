import type { CommandSpec } from './command.ts'
import { alertAcknowledge } from './commands/alert-acknowledge.ts'
import { alertList } from './commands/alert-list.ts'
import { apply } from './commands/apply.ts'
import { auditList } from './commands/audit-list.ts'
import { auditVerify } from './commands/audit-verify.ts'
import { completion } from './commands/completion.ts'
import { datasetChecks } from './commands/dataset-checks.ts'
import { datasetCommit } from './commands/dataset-commit.ts'
import { datasetList } from './commands/dataset-list.ts'
import { datasetProfile } from './commands/dataset-profile.ts'
import { datasetShow } from './commands/dataset-show.ts'
import { datasetTag } from './commands/dataset-tag.ts'
import { doctor } from './commands/doctor.ts'
import { endpointAsk } from './commands/endpoint-ask.ts'
import { endpointList } from './commands/endpoint-list.ts'
import { endpointShow } from './commands/endpoint-show.ts'
import { environmentList } from './commands/environment-list.ts'
import { experimentList } from './commands/experiment-list.ts'
import { experimentRuns } from './commands/experiment-runs.ts'
import { jobCancel } from './commands/job-cancel.ts'
import { jobList } from './commands/job-list.ts'
import { logs } from './commands/logs.ts'
import { loopDisable } from './commands/loop-disable.ts'
import { loopEnable } from './commands/loop-enable.ts'
import { loopList } from './commands/loop-list.ts'
import { modelList } from './commands/model-list.ts'
import { modelPromote } from './commands/model-promote.ts'
import { modelRollback } from './commands/model-rollback.ts'
import { modelShow } from './commands/model-show.ts'
import { modelVersions } from './commands/model-versions.ts'
import { monitorList } from './commands/monitor-list.ts'
import { monitorShow } from './commands/monitor-show.ts'
import { pipelineCancel } from './commands/pipeline-cancel.ts'
import { pipelineList } from './commands/pipeline-list.ts'
import { pipelineResume } from './commands/pipeline-resume.ts'
import { pipelineRuns } from './commands/pipeline-runs.ts'
import { pipelineShow } from './commands/pipeline-show.ts'
import { plan } from './commands/plan.ts'
import { projectList } from './commands/project-list.ts'
import { rolloutAbort } from './commands/rollout-abort.ts'
import { rolloutPause } from './commands/rollout-pause.ts'
import { rolloutPromote } from './commands/rollout-promote.ts'
import { rolloutResume } from './commands/rollout-resume.ts'
import { run } from './commands/run.ts'
import { secretDelete } from './commands/secret-delete.ts'
import { secretList } from './commands/secret-list.ts'
import { secretSet } from './commands/secret-set.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'
import { trace } from './commands/trace.ts'
import { up } from './commands/up.ts'

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  start,
  up,
  status,
  doctor,
  plan,
  apply,
  run,
  logs,
  trace,
  completion,
  alertAcknowledge,
  alertList,
  auditList,
  auditVerify,
  datasetChecks,
  datasetCommit,
  datasetList,
  datasetProfile,
  datasetShow,
  datasetTag,
  endpointAsk,
  endpointList,
  endpointShow,
  environmentList,
  experimentList,
  experimentRuns,
  jobCancel,
  jobList,
  loopDisable,
  loopEnable,
  loopList,
  modelList,
  modelPromote,
  modelRollback,
  modelShow,
  modelVersions,
  monitorList,
  monitorShow,
  pipelineCancel,
  pipelineList,
  pipelineResume,
  pipelineRuns,
  pipelineShow,
  projectList,
  rolloutAbort,
  rolloutPause,
  rolloutPromote,
  rolloutResume,
  secretDelete,
  secretList,
  secretSet,
]

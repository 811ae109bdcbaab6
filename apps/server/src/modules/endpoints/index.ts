/**
 * Owns endpoints: which model version answers, with which share of the traffic, how one version follows another, what was answered.
 * It never computes a prediction (the data plane does), and it never decides which version a model's alias names, but for setting it back.
 */
export { endpointsModule } from './endpoints.module.ts'
export { endpointsLineage } from './endpoints.lineage.ts'
export { endpointSearch } from './endpoints.search.ts'
export { predictionFiles } from './read-predictions.ts'
export { rollbackEndpoint } from './command-rollout.ts'
export { findEndpoint, getEndpoint, listRollouts } from './find-endpoint.ts'

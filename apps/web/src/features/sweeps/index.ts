/** Pages of sweeps. */
export { SweepPage } from './sweep-page.tsx'
export { SweepsPage } from './sweeps-page.tsx'

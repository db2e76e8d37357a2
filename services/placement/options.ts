// Placement's options.
import { option, section } from '@alto/kit/config'

export const placementOptions = section('placement', [
  option({ name: 'max_allocation_candidates', type: 'integer', default: 1000, min: 1, meaning: 'Allocation candidates in one answer at most; a smaller limit of the client holds.', upstream: '[placement] max_allocation_candidates' }),
])

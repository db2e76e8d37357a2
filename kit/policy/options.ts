// The options of policies: one section for all services.
import { option, section } from '../config/index.ts'

/** Of all services' policies. */
export const policyOptions = section('policy', [
  option({ name: 'enforce_scope', type: 'boolean', default: true, meaning: 'Whether a token of another scope than a rule is for is refused for that alone.', upstream: '[oslo_policy] enforce_scope' }),
  option({ name: 'enforce_new_defaults', type: 'boolean', default: true, meaning: 'Whether only the secure defaults hold; false: what passed before them passes too.', upstream: '[oslo_policy] enforce_new_defaults' }),
])

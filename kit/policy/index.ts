// Who may do what: the oslo.policy language, rules as data, an operator's overrides, and the enforcer that answers.
export { parseCheck, checkText, referencedRules, type Check } from './grammar.ts'
export { scopeOf, type Credentials, type Scope, type Target } from './credentials.ts'
export { lookUp, type CheckKind, type Question, type Test } from './compile.ts'
export { forProjects, policySet, rule, type PolicyFile, type PolicyOptions, type PolicySet, type Rule } from './rules.ts'
export { enforcer, type Decision, type Enforcer } from './enforcer.ts'
export { samplePolicy } from './sample.ts'
export { policyOptions } from './options.ts'

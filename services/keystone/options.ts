// Keystone's options.
import { option, section } from '@alto/kit/config'
import { ENFORCEMENT_MODELS } from './model/limits.ts'
import { NAME_CHECKS } from './model/projects.ts'

export const keystoneOptions = section('keystone', [
  option({ name: 'token_expiration', type: 'integer', default: 3600, min: 1, meaning: 'Seconds that a token is valid.', upstream: '[token] expiration' }),
  option({ name: 'max_active_keys', type: 'integer', default: 3, min: 1, meaning: 'Token keys that are kept, the staged and the primary one among them.', upstream: '[fernet_tokens] max_active_keys' }),
  option({ name: 'password_hash_rounds', type: 'integer', default: 12, min: 4, max: 31, meaning: 'Cost of a bcrypt hash: 2 to the power of it.', upstream: '[identity] password_hash_rounds' }),
  option({ name: 'password_expires_days', type: 'integer', default: null, min: 1, meaning: 'Days after which a password must be changed, for passwords that are set from now on; none: never.', upstream: '[security_compliance] password_expires_days' }),
  option({ name: 'change_password_upon_first_use', type: 'boolean', default: false, meaning: 'A password that an administrator sets is good for one thing: that its user changes it.', upstream: '[security_compliance] change_password_upon_first_use' }),
  option({ name: 'unique_last_password_count', type: 'integer', default: 0, min: 0, max: 24, meaning: 'How many of its last passwords a user may not choose again.', upstream: '[security_compliance] unique_last_password_count' }),
  option({ name: 'minimum_password_age', type: 'integer', default: 0, min: 0, meaning: 'Days for which a user keeps a password of its own choice before it may choose another.', upstream: '[security_compliance] minimum_password_age' }),
  option({ name: 'password_regex', type: 'string', default: null, meaning: 'What a new password must match from its start, as a JavaScript regular expression; none: anything goes.', upstream: '[security_compliance] password_regex' }),
  option({ name: 'password_regex_description', type: 'string', default: null, meaning: 'The same for people: users whose new password is refused are told this.', upstream: '[security_compliance] password_regex_description' }),
  option({ name: 'lockout_failure_attempts', type: 'integer', default: null, min: 1, meaning: 'Failed logins after which a user is locked out; none: never.', upstream: '[security_compliance] lockout_failure_attempts' }),
  option({ name: 'lockout_duration', type: 'integer', default: 1800, min: 0, meaning: 'Seconds that a user stays locked out; 0: until an administrator enables it.', upstream: '[security_compliance] lockout_duration' }),
  option({ name: 'disable_user_account_days_inactive', type: 'integer', default: null, min: 1, meaning: 'Days without a login after which a user counts as disabled; none: never.', upstream: '[security_compliance] disable_user_account_days_inactive' }),
  option({ name: 'list_limit', type: 'integer', default: null, min: 1, meaning: 'Rows of a list where the client asks for no number of its own; none: all.', upstream: '[DEFAULT] list_limit' }),
  option({ name: 'max_db_limit', type: 'integer', default: 1000, min: 1, meaning: 'Rows of a list at most where a limit was asked for, by the client or by list_limit.', upstream: '[DEFAULT] max_db_limit' }),
  option({ name: 'enforcement_model', type: 'choice', choices: ENFORCEMENT_MODELS, default: 'flat', meaning: 'How limits of projects and domains hang together: not at all, or no project above its domain.', upstream: '[unified_limit] enforcement_model' }),
  option({ name: 'return_all_endpoints_if_no_filter', type: 'boolean', default: true, meaning: 'A project that nobody gave endpoints or endpoint groups sees the whole catalog; otherwise none of it.', upstream: '[endpoint_filter] return_all_endpoints_if_no_filter' }),
  option({ name: 'max_project_tree_depth', type: 'integer', default: 5, min: 1, meaning: 'Levels of projects below a domain.', upstream: '[DEFAULT] max_project_tree_depth' }),
  option({ name: 'project_name_url_safe', type: 'choice', choices: NAME_CHECKS, default: 'off', meaning: 'Whether names of projects may hold what a URL reserves: off, refused for new names, or refused for scopes too (strict).', upstream: '[resource] project_name_url_safe' }),
  option({ name: 'domain_name_url_safe', type: 'choice', choices: NAME_CHECKS, default: 'off', meaning: 'The same for names of domains.', upstream: '[resource] domain_name_url_safe' }),
])

// Keystone's options.
import { option, section } from '@alto/kit/config'
import { ENFORCEMENT_MODELS } from './model/limits.ts'
import { NAME_CHECKS } from './model/projects/projects.ts'

export const keystoneOptions = section('keystone', [
  option({ name: 'token_expiration', type: 'integer', default: 3600, min: 1, meaning: 'Seconds that a token is valid.', upstream: '[token] expiration' }),
  option({ name: 'token_provider', type: 'choice', choices: ['fernet', 'jws'], default: 'fernet', meaning: 'How tokens are written: encrypted (fernet), or signed and readable (jws, with ES256). A change ends the tokens that there are.', upstream: '[token] provider' }),
  option({ name: 'max_active_keys', type: 'integer', default: 3, min: 1, meaning: 'Keys of each kind that are kept, the staged and the primary one among them. More are kept while something may live that they made.', upstream: '[fernet_tokens] max_active_keys' }),
  option({ name: 'auth_methods', type: 'strings', default: ['password', 'token', 'totp', 'application_credential'], meaning: 'Methods by which users may prove who they are. The services of the cloud need password.', upstream: '[auth] methods' }),
  option({ name: 'receipt_expiration', type: 'integer', default: 300, min: 1, meaning: 'Seconds that the receipt for some of several proofs is valid.', upstream: '[receipt] expiration' }),
  option({ name: 'totp_previous_windows', type: 'integer', default: 1, min: 0, max: 10, meaning: 'Windows of 30 s before the present one whose one-time passwords count.', upstream: '[totp] included_previous_windows' }),
  option({ name: 'require_mfa_for_sensitive_account_actions', type: 'boolean', default: true, meaning: 'Users with multi-factor rules show a passcode (OpenStack-MFA-Passcode) whenever they touch their seeds, rules or password.', upstream: '[security_compliance] require_mfa_for_sensitive_account_actions' }),
  option({ name: 'ec2_auth_ttl', type: 'integer', default: 15, min: 1, meaning: 'Minutes before and after its own time that a request signed with an EC2 credential counts.', upstream: '[credential] auth_ttl' }),
  option({ name: 'user_credential_limit', type: 'integer', default: null, min: 0, meaning: 'Credentials that a user may have; none: any number.', upstream: '[credential] user_limit' }),
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
  option({ name: 'application_credentials_per_user', type: 'integer', default: null, min: 0, meaning: 'Application credentials that a user may have; none: any number.', upstream: '[application_credential] user_limit' }),
  option({ name: 'max_redelegation_count', type: 'integer', default: 3, min: 0, meaning: 'How often a trust may be passed on, one user to the next; 0: never.', upstream: '[trust] max_redelegation_count' }),
])

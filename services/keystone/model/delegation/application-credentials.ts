// Application credentials: a secret by which a program acts as a user in one project, with some of the roles that the user has there.
import type { AccessRule } from './access-rules.ts'

/** An application credential. The hash of its secret stays in the store. */
export interface ApplicationCredential {
  id: string
  userId: string
  projectId: string
  name: string
  description: string | null
  /** Microseconds since 1970. */
  expiresAt: number | null
  /** True: it may make and remove application credentials. null counts as false. */
  unrestricted: boolean | null
  roleIds: readonly string[]
  /** What it may ask for; empty: whatever its roles let it. */
  accessRules: readonly AccessRule[]
}

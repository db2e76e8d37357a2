// The operator's file of custom properties, read once, at the start.
import { readFile } from 'node:fs/promises'
import { Fault, messageOf } from '@alto/kit/errors'
import { ATTRIBUTES } from '../model/images.ts'
import { readImageSchema, USUAL_SCHEMA, type ImageSchema } from '../model/image-schema.ts'

/** What the file at `path` says, the usual properties where there is none. Throws Fault('badRequest', 'glance.imageSchema') with what to mend. */
export async function imageSchemaIn(path: string | null): Promise<ImageSchema> {
  if (path === null) return USUAL_SCHEMA
  try {
    return readImageSchema(await readFile(path, 'utf8'), ATTRIBUTES)
  } catch (cause) {
    throw new Fault('badRequest', 'glance.imageSchema', `The option glance.image_schema_file names ${path}, which cannot be used: ${messageOf(cause)}.`, { cause })
  }
}

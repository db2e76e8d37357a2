// `./alto audit`: the invariants; exit 1 and a list when any fails.
import { askCloud, withCloud, type AddCommand, type CloudFlags } from './data.ts'

/** Adds `audit`. */
export const addAudit: AddCommand = (program, exits) => {
  withCloud(program.command('audit')).description('check that everything is as the rows say; exit 1 and a list when not').option('--repair', 'say what would be removed; with --yes remove it').option('--yes', 'really')
    .action(async (flags: CloudFlags & { repair?: boolean, yes?: boolean }) => {
      const { findings } = await askCloud(flags, 'audit', { repair: flags.repair === true && flags.yes === true }) as { findings: { service: string, message: string, repaired?: boolean }[] }
      for (const one of findings) console.log(`${one.service}: ${one.message}${one.repaired ? ' (removed)' : ''}`)
      const open = findings.filter(one => !one.repaired)
      console.log(open.length ? `${open.length} finding(s)` : 'clean')
      exits(open.length ? 1 : 0)
    })
}

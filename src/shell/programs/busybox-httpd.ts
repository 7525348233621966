/**
 * `busybox httpd`: serves a folder of the machine's files; a daemon unless -f is given.
 * @source busybox 1.35 networking/httpd.c httpd_main()
 */
import { answerAsBusybox } from '../../apps/busybox-httpd.ts';
import { type HttpServerOptions, openHttpServer, serveHttp } from '../../apps/http-server.ts';
import { parseLooseIpv4 } from '../../apps/resolver.ts';
import { ERRNO } from '../../base/errors.ts';
import { getopt } from '../getopt.ts';
import { type ProgramDefinition, refuse } from '../program.ts';

const EMULATED = 'fphv';

export const busyboxHttpd: ProgramDefinition = {
  name: 'httpd',
  async run(context) {
    const read = getopt(context.args, { short: 'ifvp:u:r:h:c:m:e:d:' });
    if (read.error !== null) {
      context.writeError(`httpd: ${read.error}\n`);
      return 1;
    }
    let home = context.cwd;
    let address = 0;
    let port = 80;
    for (const { name, value } of read.options) {
      if (!EMULATED.includes(name)) return refuse(context, 'httpd', `option -${name}`);
      if (name === 'h') home = absolutePath(context.cwd, value);
      if (name !== 'p') continue;
      const colon = value.lastIndexOf(':');
      const bound = colon < 0 ? 0 : parseLooseIpv4(value.slice(0, colon));
      const number = value.slice(colon + 1);
      if (bound === null || !/^\d{1,5}$/.test(number) || Number(number) > 65535) {
        context.writeError(`httpd: bad address '${value}'\n`);
        return 1;
      }
      address = bound;
      port = Number(number);
    }
    const files = context.machine.files;
    if (!files.isDirectory(home)) {
      context.writeError(`httpd: can't change directory to '${home}': No such file or directory\n`);
      return 1;
    }
    const { epochS } = context.world;
    const site = { files, home: home.replace(/\/$/, ''), epochSec: epochS };
    const options: HttpServerOptions = {
      address,
      port,
      readsBody: false,
      respond: (request, nowNs) => answerAsBusybox(site, request, nowNs),
    };
    const listener = context.kernel(() => openHttpServer(context.netns, options));
    if ('call' in listener) {
      context.writeError(`httpd: ${listener.call}: ${ERRNO[listener.errno]}\n`);
      return 1;
    }
    const isForeground = read.options.some(({ name }) => name === 'f');
    if (isForeground) {
      return context.run('httpd', (process) => serveHttp(process, listener, options));
    }
    context.spawnDaemon('httpd', (process) => serveHttp(process, listener, options));
    return 0;
  },
};

function absolutePath(cwd: string, path: string): string {
  return path.startsWith('/') ? path : `${cwd.replace(/\/$/, '')}/${path}`;
}

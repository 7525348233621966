/** What the page says, in both languages. */
export interface PageWords {
  readonly play: string;
  readonly pause: string;
  readonly packet: string;
  readonly event: string;
  readonly of: string;
  readonly noDrops: string;
  readonly pickPacket: string;
  readonly pickDevice: string;
  readonly changed: string;
  readonly was: string;
  readonly bytes: string;
  readonly notShown: string;
  readonly ask: string;
  readonly right: string;
  readonly wrong: string;
  readonly goOn: string;
  readonly score: string;
  readonly tables: Readonly<Record<string, string>>;
  readonly kinds: Readonly<Record<string, string>>;
}

const ENGLISH: PageWords = {
  play: 'Play',
  pause: 'Pause',
  packet: 'Packet',
  event: 'event',
  of: 'of',
  noDrops: 'No packet was lost.',
  pickPacket: 'Choose a packet on the drawing.',
  pickDevice: 'Choose a device on the drawing.',
  changed: 'changed last',
  was: 'was',
  bytes: 'bytes',
  notShown: 'bytes are not kept',
  ask: 'What happens next?',
  right: 'Right.',
  wrong: 'Not quite. It is:',
  goOn: 'Go on',
  score: 'right',
  tables: {
    interfaces: 'Interfaces',
    fdb: 'Forwarding table',
    neighbours: 'Neighbours (ARP)',
    routes: 'Routes',
    rules: 'iptables rules',
    flows: 'Tracked flows',
    ipvs: 'IPVS',
  },
  kinds: {
    transmit: 'sends the frame',
    receive: 'receives the frame',
    learn: 'learns where a MAC address is',
    forward: 'sends it out of the port its table names',
    flood: 'sends copies out of every port',
    encapsulate: 'wraps the frame for another host',
    decapsulate: 'unwraps the frame',
    route: 'asks the routing table for the way',
    neighbour: 'looks for the MAC address of the next hop',
    hook: 'passes a netfilter hook',
    rule: 'matches a netfilter rule',
    conntrack: 'is found among the tracked flows',
    nat: 'has an address or port rewritten',
    ipvs: 'is given to a server by IPVS',
    encrypt: 'is encrypted',
    decrypt: 'is decrypted',
    fragment: 'is cut into fragments',
    reassemble: 'is put together from fragments',
    deliver: 'is taken by a socket',
    answer: 'is answered by the stack itself',
    drop: 'ends here',
  },
};

const SPANISH: PageWords = {
  play: 'Reproducir',
  pause: 'Pausa',
  packet: 'Paquete',
  event: 'evento',
  of: 'de',
  noDrops: 'No se perdió ningún paquete.',
  pickPacket: 'Elige un paquete en el dibujo.',
  pickDevice: 'Elige un dispositivo en el dibujo.',
  changed: 'último cambio',
  was: 'era',
  bytes: 'bytes',
  notShown: 'bytes no se guardan',
  ask: '¿Qué pasa ahora?',
  right: 'Correcto.',
  wrong: 'No del todo. Es:',
  goOn: 'Seguir',
  score: 'aciertos',
  tables: {
    interfaces: 'Interfaces',
    fdb: 'Tabla de reenvío',
    neighbours: 'Vecinos (ARP)',
    routes: 'Rutas',
    rules: 'Reglas de iptables',
    flows: 'Flujos en seguimiento',
    ipvs: 'IPVS',
  },
  kinds: {
    transmit: 'envía la trama',
    receive: 'recibe la trama',
    learn: 'aprende dónde está una MAC',
    forward: 'la saca por el puerto que dice su tabla',
    flood: 'saca copias por todos los puertos',
    encapsulate: 'envuelve la trama para otro host',
    decapsulate: 'desenvuelve la trama',
    route: 'pregunta el camino a la tabla de rutas',
    neighbour: 'busca la MAC del siguiente salto',
    hook: 'pasa un gancho de netfilter',
    rule: 'coincide con una regla de netfilter',
    conntrack: 'se encuentra entre los flujos en seguimiento',
    nat: 'cambia de dirección o de puerto',
    ipvs: 'IPVS lo da a un servidor',
    encrypt: 'se cifra',
    decrypt: 'se descifra',
    fragment: 'se corta en fragmentos',
    reassemble: 'se recompone de sus fragmentos',
    deliver: 'lo toma un socket',
    answer: 'lo contesta la propia pila',
    drop: 'termina aquí',
  },
};

export const WORDS: Readonly<Record<'en' | 'es', PageWords>> = { en: ENGLISH, es: SPANISH };

/** `+12.345 ms` with as many digits as tell something. */
export function timeText(ns: number): string {
  if (ns < 1000) return `+${ns} ns`;
  if (ns < 1e6) return `+${(ns / 1e3).toFixed(2)} µs`;
  if (ns < 1e9) return `+${(ns / 1e6).toFixed(3)} ms`;
  return `+${(ns / 1e9).toFixed(4)} s`;
}

/** Everything that a drawing says in words, in English and Spanish. */

export const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Words {
  readonly language: Language;
  readonly hostNamespace: string;
  readonly container: string;
  readonly sandbox: string;
  readonly loadBalancer: string;
  readonly ingress: string;
  readonly namespace: string;
  readonly machine: string;
  readonly down: string;
  readonly internal: string;
  readonly ipStack: string;
  readonly ipForwarding: string;
  readonly publishedPorts: string;
  readonly noNetwork: string;
  readonly networks: string;
  readonly legend: string;
  readonly nothing: string;
  readonly service: string;
  readonly outside: string;
  readonly more: (count: number) => string;
  readonly guests: (names: string) => string;
  readonly foldedHosts: (first: string, last: string, count: number, like: string) => string[];
  readonly replicas: (count: number) => string;
  readonly counted: (count: number, what: keyof typeof NOUNS) => string;
  readonly table: { readonly title: string; readonly columns: readonly string[] };
  readonly way: WayWords;
  readonly legendOf: Readonly<Record<LegendKey, string>>;
}

/** Sentences of the steps of a way. */
export interface WayWords {
  readonly from: string;
  readonly to: string;
  readonly sends: string;
  readonly receives: string;
  readonly bytes: string;
  readonly looksUp: (mac: string, port: string) => string;
  readonly floods: string;
  readonly learns: (mac: string, port: string) => string;
  readonly routes: (target: string, via: string, device: string) => string;
  readonly local: string;
  readonly encapsulates: (to: string, vni: string) => string;
  readonly decapsulates: (vni: string) => string;
  readonly translates: (kind: string, before: string, after: string) => string;
  readonly asksArp: (target: string) => string;
  readonly fragments: string;
  readonly reassembles: string;
  readonly delivers: (protocol: string) => string;
  readonly answers: string;
  readonly dropped: (reason: string, sentence: string) => string;
  readonly rule: string;
  readonly delivered: string;
  readonly lost: string;
  readonly thereAndBack: string;
  readonly back: string;
  readonly nothingSent: string;
  readonly times: (count: number) => string;
}

export type LegendKey =
  | 'container'
  | 'sandbox'
  | 'interface'
  | 'bridge'
  | 'port'
  | 'router'
  | 'vip'
  | 'link'
  | 'route'
  | 'tunnel'
  | 'parent'
  | 'station'
  | 'cross';

const NOUNS = {
  host: { en: ['host', 'hosts'], es: ['host', 'hosts'] },
  container: { en: ['container', 'containers'], es: ['contenedor', 'contenedores'] },
  namespace: {
    en: ['namespace', 'namespaces'],
    es: ['espacio de nombres', 'espacios de nombres'],
  },
  network: { en: ['network', 'networks'], es: ['red', 'redes'] },
  service: { en: ['service', 'services'], es: ['servicio', 'servicios'] },
  step: { en: ['step', 'steps'], es: ['paso', 'pasos'] },
} as const;

function counter(language: Language): Words['counted'] {
  return (count, what) => `${count} ${NOUNS[what][language][count === 1 ? 0 : 1]}`;
}

const ENGLISH: Words = {
  language: 'en',
  hostNamespace: 'host namespace',
  container: 'container',
  sandbox: 'overlay sandbox',
  loadBalancer: 'load balancer',
  ingress: 'ingress sandbox',
  namespace: 'namespace',
  machine: 'machine',
  down: 'down',
  internal: 'internal',
  ipStack: 'IP routing',
  ipForwarding: 'IP forwarding',
  publishedPorts: 'published ports',
  noNetwork: 'no network',
  networks: 'Networks',
  legend: 'Legend',
  nothing: 'Nothing to draw: no interface was made.',
  service: 'service',
  outside: 'outside',
  more: (count) => `+${count} more`,
  guests: (names) => `also: ${names}`,
  foldedHosts: (first, last, count, like) => [`${first} … ${last}`, `${count} like ${like}`],
  replicas: (count) => `× ${count}`,
  counted: counter('en'),
  table: {
    title: 'All interfaces as a table',
    columns: ['machine', 'namespace', 'interface', 'kind', 'addresses', 'MAC', 'MTU', 'network'],
  },
  way: {
    from: 'from',
    to: 'to',
    sends: 'sends',
    receives: 'receives',
    bytes: 'bytes',
    looksUp: (mac, port) => `knows ${mac}: out of ${port}`,
    floods: 'does not know the MAC yet: out of every port',
    learns: (mac, port) => `learns ${mac} behind ${port}`,
    routes: (target, via, device) =>
      via === target || via === '' ? `route: out of ${device}` : `route: via ${via}, ${device}`,
    local: 'for this host',
    encapsulates: (to, vni) => `wraps it in UDP 4789, VNI ${vni}, +50 bytes, to ${to}`,
    decapsulates: (vni) => `unwraps VNI ${vni}, −50 bytes`,
    translates: (kind, before, after) => `${kind}: ${before} becomes ${after}`,
    asksArp: (target) => `asks for the MAC of ${target}`,
    fragments: 'cuts it into fragments',
    reassembles: 'puts the fragments together',
    delivers: (protocol) => `delivered to the ${protocol} socket`,
    answers: 'the kernel answers',
    dropped: (reason, sentence) => `DROPPED (${reason}): ${sentence}`,
    rule: 'rule',
    delivered: 'delivered',
    lost: 'lost',
    thereAndBack: 'The answer comes back the same way.',
    back: 'The answer takes another way.',
    nothingSent: 'No packet left.',
    times: (count) => `${count} times`,
  },
  legendOf: {
    container: 'container',
    sandbox: 'hidden namespace (sandbox)',
    interface: 'interface',
    bridge: 'bridge',
    port: 'bridge port',
    router: 'IP layer: routes, iptables',
    vip: 'virtual IP',
    link: 'veth pair or cable',
    route: 'routed, not bridged',
    tunnel: 'VXLAN over UDP',
    parent: 'on a parent interface',
    station: 'step of the way',
    cross: 'dropped here',
  },
};

const SPANISH: Words = {
  language: 'es',
  hostNamespace: 'espacio de nombres del host',
  container: 'contenedor',
  sandbox: 'sandbox de la overlay',
  loadBalancer: 'balanceador',
  ingress: 'sandbox de ingress',
  namespace: 'espacio de nombres',
  machine: 'máquina',
  down: 'caída',
  internal: 'interna',
  ipStack: 'Encaminamiento IP',
  ipForwarding: 'Reenvío IP',
  publishedPorts: 'puertos publicados',
  noNetwork: 'sin red',
  networks: 'Redes',
  legend: 'Leyenda',
  nothing: 'Nada que dibujar: no hay ninguna interfaz.',
  service: 'servicio',
  outside: 'exterior',
  more: (count) => `+${count} más`,
  guests: (names) => `también: ${names}`,
  foldedHosts: (first, last, count, like) => [`${first} … ${last}`, `${count} como ${like}`],
  replicas: (count) => `× ${count}`,
  counted: counter('es'),
  table: {
    title: 'Todas las interfaces en una tabla',
    columns: ['máquina', 'espacio', 'interfaz', 'tipo', 'direcciones', 'MAC', 'MTU', 'red'],
  },
  way: {
    from: 'de',
    to: 'a',
    sends: 'envía',
    receives: 'recibe',
    bytes: 'bytes',
    looksUp: (mac, port) => `conoce ${mac}: sale por ${port}`,
    floods: 'aún no conoce la MAC: sale por todos los puertos',
    learns: (mac, port) => `aprende ${mac} detrás de ${port}`,
    routes: (target, via, device) =>
      via === target || via === '' ? `ruta: sale por ${device}` : `ruta: vía ${via}, ${device}`,
    local: 'es para este host',
    encapsulates: (to, vni) => `lo envuelve en UDP 4789, VNI ${vni}, +50 bytes, a ${to}`,
    decapsulates: (vni) => `desenvuelve VNI ${vni}, −50 bytes`,
    translates: (kind, before, after) => `${kind}: ${before} pasa a ser ${after}`,
    asksArp: (target) => `pregunta la MAC de ${target}`,
    fragments: 'lo corta en fragmentos',
    reassembles: 'junta los fragmentos',
    delivers: (protocol) => `entregado al socket ${protocol}`,
    answers: 'el núcleo responde',
    dropped: (reason, sentence) => `DESCARTADO (${reason}): ${sentence}`,
    rule: 'regla',
    delivered: 'entregado',
    lost: 'perdido',
    thereAndBack: 'La respuesta vuelve por el mismo camino.',
    back: 'La respuesta toma otro camino.',
    nothingSent: 'No salió ningún paquete.',
    times: (count) => `${count} veces`,
  },
  legendOf: {
    container: 'contenedor',
    sandbox: 'espacio de nombres oculto (sandbox)',
    interface: 'interfaz',
    bridge: 'puente (bridge)',
    port: 'puerto del puente',
    router: 'capa IP: rutas, iptables',
    vip: 'IP virtual',
    link: 'par veth o cable',
    route: 'encaminado, no puenteado',
    tunnel: 'VXLAN sobre UDP',
    parent: 'sobre una interfaz padre',
    station: 'paso del camino',
    cross: 'descartado aquí',
  },
};

export const WORDS: Readonly<Record<Language, Words>> = { en: ENGLISH, es: SPANISH };

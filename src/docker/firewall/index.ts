/** The layouts by the name that profiles have for them. */
import type { EngineProfile } from '../profile.ts';
import { forwardLayout, internalLayout } from './forward-layout.ts';
import { isolationLayout } from './isolation-layout.ts';
import type { FirewallLayout } from './layout.ts';

const LAYOUTS: Readonly<Record<EngineProfile['firewall'], FirewallLayout>> = {
  isolation: isolationLayout,
  forward: forwardLayout,
  internal: internalLayout,
};

export function firewallOf(profile: EngineProfile): FirewallLayout {
  return LAYOUTS[profile.firewall];
}

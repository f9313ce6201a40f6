// The pages and their addresses. State in an address is plain text, not JSON.

import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { ExplorePage } from './explore/ExplorePage';
import { parse, type RawSearch, stringify } from './explore/url';
import { HomePage } from './home/HomePage';
import { Shell } from './shell/Shell';

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => null,
});

const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage });

const explore = createRoute({
  getParentRoute: () => root,
  path: '/explore',
  validateSearch: (raw: Record<string, unknown>): RawSearch =>
    Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, String(value)])),
  component: ExplorePage,
});

const rest = createRoute({
  getParentRoute: () => root,
  path: '$',
  beforeLoad: () => {
    throw redirect({ to: '/' });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([home, explore, rest]),
  parseSearch: parse,
  stringifySearch: stringify,
  defaultPreload: false,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

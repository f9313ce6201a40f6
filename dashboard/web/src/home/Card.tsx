// A card of Home: its name, a word beside it, and what it holds.

import type { ReactNode } from 'react';

export function Card({ name, title, aside, children }: { name: string; title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={`card card-${name}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="grow" />
        {aside}
      </header>
      {children}
    </section>
  );
}

// Explore's keys; the list that people see is in the shell.

import { useEffect, useRef } from 'react';
import { isTyping } from '../shell/keys';

interface Actions {
  move: (step: number) => void;
  open: () => void;
  close: () => void;
  time: () => void;
  refresh: () => void;
  shift: (steps: number) => void;
  zoomOut: () => void;
}

export function useExploreKeys(actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      const { move, open, close, time, refresh, shift, zoomOut } = latest.current;
      const onControl = event.target instanceof HTMLElement && event.target.closest('button,a') !== null;
      const keys: Record<string, () => void> = {
        '/': () => document.getElementById('query')?.focus(),
        j: () => move(1),
        k: () => move(-1),
        o: open,
        Escape: close,
        t: time,
        r: refresh,
        '[': () => shift(-1),
        ']': () => shift(1),
        '-': zoomOut,
      };
      // Enter on a button presses the button.
      if (!onControl) keys.Enter = open;
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

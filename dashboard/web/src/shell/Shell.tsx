// The frame of every page: the rail, the banner when the search node is away, the keys.

import { Menu, Modal, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { ExploreIcon, HomeIcon, KeysIcon, LanguageIcon, MoonIcon, SunIcon } from '../components/icons';
import { LANGUAGES, setLanguage, useLanguage, useMessages } from '../i18n';
import { setPref, type Theme, usePrefs } from '../state/prefs';
import { NodeBanner } from './NodeBanner';
import { isTyping } from './keys';

export function Shell() {
  const m = useMessages();
  const path = useLocation({ select: (location) => location.pathname });
  const navigate = useNavigate();
  const [help, setHelp] = useState(false);
  const chord = useRef(0);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      if (event.key === '?') setHelp(true);
      if (event.key === 'g') chord.current = event.timeStamp;
      else if (event.timeStamp - chord.current < 1_000) {
        chord.current = 0;
        if (event.key === 'h') void navigate({ to: '/' });
        if (event.key === 'e') void navigate({ to: '/explore', search: {} });
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate]);

  useEffect(() => {
    document.title = `${path.startsWith('/explore') ? m.nav.explore : m.nav.home} · ${m.app.name}`;
  }, [path, m]);

  return (
    <div className="shell">
      <a className="skip" href="#content">
        {m.app.skip}
      </a>
      <nav className="rail" aria-label={m.nav.label}>
        <img className="logo" src="/favicon.svg" width="26" height="26" alt={m.app.name} />
        <Tooltip label={m.nav.home} position="right">
          <Link to="/" className="rail-item" aria-label={m.nav.home} aria-current={path === '/' ? 'page' : undefined}>
            <HomeIcon />
          </Link>
        </Tooltip>
        <Tooltip label={m.nav.explore} position="right">
          <Link to="/explore" search={{}} className="rail-item" aria-label={m.nav.explore} aria-current={path.startsWith('/explore') ? 'page' : undefined}>
            <ExploreIcon />
          </Link>
        </Tooltip>
        <div className="rail-gap" />
        <ThemeMenu />
        <LanguageMenu />
        <Tooltip label={m.nav.help} position="right">
          <button type="button" className="rail-item" aria-label={m.nav.help} onClick={() => setHelp(true)}>
            <KeysIcon />
          </button>
        </Tooltip>
      </nav>
      <div className="main">
        <NodeBanner />
        <main id="content" className="page" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Help opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function ThemeMenu() {
  const m = useMessages();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme() === 'dark';
  const names: Record<Theme, string> = { light: m.nav.themeLight, dark: m.nav.themeDark, auto: m.nav.themeSystem };
  return (
    <Menu position="right-end">
      <Menu.Target>
        <button type="button" className="rail-item" aria-label={m.nav.theme} title={m.nav.theme}>
          {dark ? <MoonIcon /> : <SunIcon />}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {(['light', 'dark', 'auto'] as const).map((theme) => (
          <Menu.Item key={theme} onClick={() => setColorScheme(theme)} fw={theme === colorScheme ? 600 : 400} data-theme={theme}>
            {names[theme]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function LanguageMenu() {
  const m = useMessages();
  const current = useLanguage();
  usePrefs();
  return (
    <Menu position="right-end">
      <Menu.Target>
        <button type="button" className="rail-item" aria-label={m.nav.language} title={m.nav.language}>
          <LanguageIcon />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map(({ code, name }) => (
          <Menu.Item
            key={code}
            lang={code}
            fw={code === current ? 600 : 400}
            onClick={() => {
              setPref('lang', code);
              void setLanguage(code);
            }}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Help({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const m = useMessages();
  const keys: [string[], string][] = [
    [['/'], m.keys.query],
    [['Enter'], m.keys.run],
    [['j', 'k'], m.keys.move],
    [['o', 'Enter'], m.keys.open],
    [['Esc'], m.keys.close],
    [['t'], m.keys.time],
    [['[', ']'], m.keys.shift],
    [['-'], m.keys.zoomOut],
    [['r'], m.keys.refresh],
    [['g h'], m.keys.home],
    [['g e'], m.keys.explore],
    [['?'], m.keys.help],
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={m.keys.title} closeButtonProps={{ 'aria-label': m.common.close }}>
      <table className="keys">
        <tbody>
          {keys.map(([names, what]) => (
            <tr key={what}>
              <td>{what}</td>
              <td>
                {names.map((name) => (
                  <span key={name}>
                    {' '}
                    <kbd>{name}</kbd>
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  );
}

// Sets colours and language before the first paint, so that a page never flashes in the other one.
(function () {
  var root = document.documentElement;
  var read = function (key) { try { return localStorage.getItem('weir.' + key); } catch (e) { return null; } };
  var theme = read('theme');
  var dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  var lang = read('lang') || (/^zh/i.test(navigator.language) ? 'zh-CN' : 'en');
  root.setAttribute('lang', lang);
})();

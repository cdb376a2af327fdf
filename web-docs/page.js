// Behind the viewer in docs.js: starts it, and keeps the choice of dark or light.
(() => {
  const key = 'docs-theme';
  const button = document.getElementById('theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => (localStorage.getItem(key) ?? (system.matches ? 'dark' : 'light')) === 'dark';

  function show() {
    document.documentElement.classList.toggle('dark-mode', dark());
    button.setAttribute('aria-pressed', String(dark()));
  }

  button.addEventListener('click', () => {
    localStorage.setItem(key, dark() ? 'light' : 'dark');
    show();
  });
  system.addEventListener('change', show);
  show();

  SwaggerUIBundle({
    url: '/openapi.json',
    domNode: document.getElementById('viewer'),
    presets: [SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
    validatorUrl: null, // the badge would send the contract's address to somebody else's server
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    persistAuthorization: false, // a token does not outlive the page
    tryItOutEnabled: true,
  });
})();

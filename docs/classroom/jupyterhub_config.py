"""A JupyterHub for one class on one machine. docs/classroom.md says how to start it.

Everybody with an account on this machine may log in, and gets a JupyterLab of their own.
"""

import os

c = get_config()  # noqa: F821, JupyterHub gives it

c.JupyterHub.bind_url = (
    "http://127.0.0.1:8000"  # put a web server with TLS in front of it, or use The Littlest JupyterHub
)
c.Authenticator.allow_all = True  # whom the machine knows; or allowed_users = {"ana", "bob"}
c.Authenticator.blocked_users = {"root"}
c.Spawner.default_url = "/lab"
c.Spawner.notebook_dir = "~"
c.Spawner.http_timeout = c.Spawner.start_timeout = 120  # the first start after a while is slow

# Thirty people press Run at the same moment: one thread each, or all wait for all.
one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
c.Spawner.environment = {**one, "PATH": os.environ["PATH"]}

# Links that bring the course to a student (nbgitpuller) work as soon as it is installed beside JupyterLab.

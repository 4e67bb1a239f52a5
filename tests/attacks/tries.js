// What each file of tries begins with: what came of each by its name, and what an answer begins with.
const outcome = {};
const attempt = async (name, trying) => {
  const silence = new Promise((done) => setTimeout(() => done("silence"), 30000));
  try {
    outcome[name] = String(await Promise.race([trying(), silence]));
  } catch (error) {
    outcome[name] = `error: ${error}`;
  }
};
const read = async (response) => {
  if (!response.body) return response.type;
  const reader = response.body.getReader();
  const { value } = await reader.read();
  // A followed log never ends, and a browser has six connections for a host.
  await reader.cancel();
  return `${response.status} ${new TextDecoder().decode(value)}`;
};

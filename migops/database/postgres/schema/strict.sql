-- What is compared only when asked for, to be put after catalogue.sql: comments, owners, grants, how things are stored,
-- and what lies outside of schemas. Roles are compared by their names. An item is there only where it says something
-- that is not the default. What a server of one version has and another has not is read by way of JSON.
UNION ALL
SELECT * FROM (
WITH object AS (
  -- All that has an owner, with the object that it goes with, its own grants and those that it would have by default.
  SELECT coalesce(o.table_name, r.name) AS part_of, coalesce(o.name, r.name) AS name, r.relowner AS owner,
    r.relacl AS acl, acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner) AS usual,
    o.name IS NOT NULL AS is_owned
  FROM rel r LEFT JOIN (
    SELECT w.sequence, c.table_name, c.name FROM owned w JOIN col c ON c.attrelid = w.relation AND c.attnum = w.number
  ) o ON o.sequence = r.oid
  WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
  UNION ALL
  SELECT t.name, t.name, t.typowner, t.typacl, acldefault('T', t.typowner), false FROM typ t
  WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND EXISTS (
    SELECT FROM rel r WHERE r.oid = t.typrelid AND r.relkind = 'c'))
  UNION ALL
  SELECT f.name, f.name, f.proowner, f.proacl, acldefault('f', f.proowner), false FROM (
    SELECT p.*, s.name || '.' || quote_ident(p.proname) || '('
      || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' AS name
    FROM pg_catalog.pg_proc p JOIN schemas s ON s.oid = p.pronamespace
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend e
      WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
      AND NOT EXISTS (  -- the constructors of a range type are its own
        SELECT FROM pg_catalog.pg_depend i
        WHERE i.classid = 'pg_catalog.pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')
  ) f
  UNION ALL
  SELECT s.name, s.name, n.nspowner, n.nspacl, acldefault('n', n.nspowner), false
  FROM pg_catalog.pg_namespace n JOIN schemas s ON s.oid = n.oid
  UNION ALL
  SELECT c.table_name, c.name, t.relowner, c.attacl, acldefault('c', t.relowner), true
  FROM col c JOIN rel t ON t.oid = c.attrelid WHERE c.attacl IS NOT NULL
),
said AS (
  -- Comments, by what they are on.
  SELECT CASE WHEN r.relkind IN ('i', 'I') THEN (
      SELECT t.name FROM pg_catalog.pg_index i JOIN rel t ON t.oid = i.indrelid WHERE i.indexrelid = r.oid)
    ELSE r.name END AS part_of, r.name AS name, 'pg_catalog.pg_class'::regclass AS class, r.oid AS object, 0 AS part
  FROM rel r
  UNION ALL
  SELECT table_name, name, 'pg_catalog.pg_class'::regclass, attrelid, attnum FROM col
  UNION ALL
  SELECT t.name, t.name || ' (constraint ' || quote_ident(k.conname) || ')', 'pg_catalog.pg_constraint'::regclass, k.oid, 0
  FROM pg_catalog.pg_constraint k JOIN tab t ON t.oid = k.conrelid
  UNION ALL
  SELECT t.name, t.name || ' (trigger ' || quote_ident(g.tgname) || ')', 'pg_catalog.pg_trigger'::regclass, g.oid, 0
  FROM pg_catalog.pg_trigger g JOIN rel t ON t.oid = g.tgrelid
  UNION ALL
  SELECT t.name, t.name || ' (policy ' || quote_ident(p.polname) || ')', 'pg_catalog.pg_policy'::regclass, p.oid, 0
  FROM pg_catalog.pg_policy p JOIN tab t ON t.oid = p.polrelid
  UNION ALL
  SELECT t.name, t.name || ' (rule ' || quote_ident(r.rulename) || ')', 'pg_catalog.pg_rewrite'::regclass, r.oid, 0
  FROM pg_catalog.pg_rewrite r JOIN rel t ON t.oid = r.ev_class
  UNION ALL
  SELECT t.name, t.name || ' (type)', 'pg_catalog.pg_type'::regclass, t.oid, 0 FROM typ t
  UNION ALL
  SELECT s.name || '.' || quote_ident(p.proname), s.name || '.' || quote_ident(p.proname) || '('
    || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', 'pg_catalog.pg_proc'::regclass, p.oid, 0
  FROM pg_catalog.pg_proc p JOIN schemas s ON s.oid = p.pronamespace
  UNION ALL
  SELECT s.name || '.' || quote_ident(e.stxname), s.name || '.' || quote_ident(e.stxname) || ' (statistics)',
    'pg_catalog.pg_statistic_ext'::regclass, e.oid, 0
  FROM pg_catalog.pg_statistic_ext e JOIN schemas s ON s.oid = e.stxnamespace
  UNION ALL
  SELECT s.name, s.name, 'pg_catalog.pg_namespace'::regclass, s.oid, 0 FROM schemas s
)
SELECT 'comment' AS kind, s.part_of, s.name, d.description AS definition
FROM said s JOIN pg_catalog.pg_description d
  ON d.classoid = s.class AND d.objoid = s.object AND d.objsubid = s.part
UNION ALL
SELECT 'owner', part_of, name, pg_catalog.pg_get_userbyid(owner)::text FROM object WHERE NOT is_owned
UNION ALL
SELECT 'grant', o.part_of, o.name, coalesce(a.text, 'nobody')
FROM object o
CROSS JOIN LATERAL (SELECT string_agg(g.who || '=' || g.what, ', ' ORDER BY g.who) AS text FROM (
  SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'the owner'
      ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END AS who,
    string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ' ' ORDER BY x.privilege_type) AS what
  FROM aclexplode(coalesce(o.acl, o.usual)) x GROUP BY 1) g) a
CROSS JOIN LATERAL (SELECT string_agg(g.who || '=' || g.what, ', ' ORDER BY g.who) AS text FROM (
  SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE 'the owner' END AS who,
    string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ' ' ORDER BY x.privilege_type) AS what
  FROM aclexplode(o.usual) x GROUP BY 1) g) u
WHERE coalesce(a.text, '') <> coalesce(u.text, '')
UNION ALL
SELECT 'storage', r.part_of, r.name, r.text FROM (
  SELECT r.name,
    CASE WHEN r.relkind IN ('i', 'I') THEN (
      SELECT t.name FROM pg_catalog.pg_index i JOIN rel t ON t.oid = i.indrelid WHERE i.indexrelid = r.oid)
    ELSE r.name END AS part_of,
    concat_ws(', ', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(r.reloptions) o
                     WHERE r.relkind NOT IN ('i', 'I')),  -- an index's are in its definition
      (SELECT string_agg('toast.' || o, ', ' ORDER BY o)
       FROM pg_catalog.pg_class k, unnest(k.reloptions) o WHERE k.oid = r.reltoastrelid),
      (SELECT 'tablespace ' || quote_ident(s.spcname) FROM pg_catalog.pg_tablespace s WHERE s.oid = r.reltablespace),
      (SELECT 'access method ' || quote_ident(m.amname) FROM pg_catalog.pg_am m
       WHERE m.oid = r.relam AND m.amtype = 't' AND m.amname <> 'heap')) AS text
  FROM rel r WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I')
) r WHERE r.text <> ''
UNION ALL
SELECT 'column storage', c.table_name, c.name, c.text FROM (
  SELECT c.table_name, c.name,
    concat_ws(', ', CASE WHEN c.attstorage <> t.typstorage THEN CASE c.attstorage
      WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
      'compression ' || nullif(to_jsonb(c) ->> 'attcompression', ''),
      CASE WHEN coalesce(c.attstattarget, -1) >= 0 THEN 'statistics ' || c.attstattarget END,
      (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.attoptions) o)) AS text
  FROM col c JOIN pg_catalog.pg_type t ON t.oid = c.atttypid
) c WHERE c.text <> ''
UNION ALL
SELECT 'replica identity', t.name, t.name, CASE t.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE
  'USING INDEX ' || coalesce((SELECT quote_ident(n.relname) FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class n ON n.oid = i.indexrelid WHERE i.indrelid = t.oid AND i.indisreplident), '(gone)') END
FROM tab t WHERE t.relreplident <> 'd'
UNION ALL
SELECT 'statistics', coalesce(t.name, ''), s.name || '.' || quote_ident(e.stxname),
  pg_catalog.pg_get_statisticsobjdef(e.oid) || ', owner ' || pg_catalog.pg_get_userbyid(e.stxowner)
  || coalesce(', statistics ' || nullif(to_jsonb(e) ->> 'stxstattarget', '-1'), '')
FROM pg_catalog.pg_statistic_ext e JOIN schemas s ON s.oid = e.stxnamespace LEFT JOIN rel t ON t.oid = e.stxrelid
UNION ALL
SELECT 'contents', name, name, 'WITH NO DATA' FROM rel WHERE relkind = 'm' AND NOT relispopulated
UNION ALL
SELECT 'collation', '', s.name || '.' || quote_ident(c.collname),
  (SELECT string_agg(j.key || '=' || coalesce(j.value, ''), ', ' ORDER BY j.key) FROM jsonb_each_text(
    to_jsonb(c) - 'oid' - 'collname' - 'collnamespace' - 'collowner' - 'collversion') j)
  || ', owner ' || pg_catalog.pg_get_userbyid(c.collowner)
FROM pg_catalog.pg_collation c JOIN schemas s ON s.oid = c.collnamespace
WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_collation'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'operator', '', s.name || '.' || o.oprname || ' (' || coalesce(nullif(o.oprleft, 0)::regtype::text, 'none') || ', '
  || coalesce(nullif(o.oprright, 0)::regtype::text, 'none') || ')',
  o.oprcode::regprocedure::text || ', owner ' || pg_catalog.pg_get_userbyid(o.oprowner)
FROM pg_catalog.pg_operator o JOIN schemas s ON s.oid = o.oprnamespace
WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_operator'::regclass AND e.objid = o.oid AND e.deptype = 'e')
UNION ALL
SELECT 'publication', '', quote_ident(p.pubname),
  (SELECT string_agg(j.key || '=' || coalesce(j.value, ''), ', ' ORDER BY j.key)
   FROM jsonb_each_text(to_jsonb(p) - 'oid' - 'pubname' - 'pubowner') j)
  || CASE WHEN p.puballtables THEN '' ELSE coalesce((
    SELECT ', for ' || string_agg(quote_ident(v.schemaname) || '.' || quote_ident(v.tablename)
      || coalesce(' ' || (to_jsonb(v) ->> 'attnames'), '') || coalesce(' where ' || (to_jsonb(v) ->> 'rowfilter'), ''),
      ', ' ORDER BY v.schemaname, v.tablename)
    FROM pg_catalog.pg_publication_tables v WHERE v.pubname = p.pubname), '') END
  || ', owner ' || pg_catalog.pg_get_userbyid(p.pubowner)
  || coalesce(', ' || quote_literal(pg_catalog.obj_description(p.oid, 'pg_publication')), '')
FROM pg_catalog.pg_publication p
UNION ALL
SELECT 'event trigger', '', quote_ident(t.evtname),
  t.evtevent || ' ' || t.evtfoid::regprocedure::text || coalesce(' for ' || array_to_string(t.evttags, ', '), '')
  || CASE t.evtenabled WHEN 'O' THEN '' WHEN 'D' THEN ' (disabled)' ELSE ' (enabled ' || t.evtenabled::text || ')' END
  || ', owner ' || pg_catalog.pg_get_userbyid(t.evtowner)
  || coalesce(', ' || quote_literal(pg_catalog.obj_description(t.oid, 'pg_event_trigger')), '')
FROM pg_catalog.pg_event_trigger t
UNION ALL
SELECT 'cast', '', c.castsource::regtype::text || ' to ' || c.casttarget::regtype::text,
  c.castcontext::text || c.castmethod::text || coalesce(' by ' || nullif(c.castfunc, 0)::regprocedure::text, '')
FROM pg_catalog.pg_cast c
WHERE c.oid >= 16384 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'foreign server', '', quote_ident(s.srvname),
  quote_ident(w.fdwname) || coalesce(' ' || s.srvtype, '') || coalesce(' ' || s.srvversion, '')
  || ', owner ' || pg_catalog.pg_get_userbyid(s.srvowner)
FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
UNION ALL
SELECT 'default privileges', '', pg_catalog.pg_get_userbyid(d.defaclrole)::text || coalesce(' in ' || s.name, '')
  || CASE d.defaclobjtype WHEN 'r' THEN ' on tables' WHEN 'S' THEN ' on sequences' WHEN 'f' THEN ' on functions'
     WHEN 'T' THEN ' on types' WHEN 'n' THEN ' on schemas' ELSE ' on ' || d.defaclobjtype::text END,
  (SELECT string_agg(a::text, ', ' ORDER BY a::text) FROM unnest(d.defaclacl) a)
FROM pg_catalog.pg_default_acl d LEFT JOIN schemas s ON s.oid = d.defaclnamespace
) AS strict
